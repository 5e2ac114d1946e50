"""`lymphokin check` as a user meets it: a page and its numbers, or one message."""

import json
import shutil
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from lymphokin.commands.check import show
from lymphokin.criticism.result import CheckResult
from lymphokin.io import read_events, write_events
from lymphokin.run import open_run
from lymphokin.run.folder import COHORT_FILE
from lymphokin.verdict import Verdict
from tests.criticism.conftest import CHAINS, DRAWS, MODELS


class Page(HTMLParser):
    """Ids, links, pictures and what is fetched; unbalanced tags are an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.pictures: list[str] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        assert tag not in ("script", "link", "img")
        self.ids += [values["id"]] if "id" in values else []
        self.links += [values["href"]] if tag == "a" else []
        self.pictures += [values["aria-label"]] if values.get("role") == "img" else []
        if tag != "meta":
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        pass

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


class OneVerdict(CheckResult):
    """The result of a check with one verdict, fine."""

    @property
    def verdicts(self):
        return (Verdict("a check", "alc", "fine", "Nothing found.", {}),)

    def sections(self):
        return []


@pytest.mark.parametrize("level", ["good", "bad"])
def test_a_fit_that_has_not_converged_is_said_first(level):
    convergence = {"level": level, "verdict": "The chains [red] differ."}
    about = {"synthetic": False, "data_file": "trial.csv", "convergence": convergence}
    console = Console(width=120)
    with console.capture() as shown:
        show(console, OneVerdict(about))
    warned = shown.get().startswith("Read this first: The chains [red] differ. No check is worth")
    assert warned == (level == "bad")


def test_a_quantity_is_called_as_the_model_labels_it():
    about = {"synthetic": False, "data_file": "trial.csv"}
    assert OneVerdict(about).table["subject"].tolist() == ["lymphocyte counts"]
    labelled = OneVerdict(about | {"records": {"alc": "records of lymphocytes by cytometry"}})
    assert labelled.table["subject"].tolist() == ["records of lymphocytes by cytometry"]


def test_the_verdicts_are_printed_and_written(checked: dict, made_up_run: Path):
    assert checked["level"] in ("fine", "look", "wrong")
    assert checked["draws"] == CHAINS * DRAWS
    seen = {(v["check"], v["subject"]) for v in checked["verdicts"]}
    for quantity in MODELS[checked["model"]]:
        assert ("prediction distribution errors", quantity) in seen
        assert ("visual predictive check, as measured", quantity) in seen
    for check in (
        "shrinkage of random effects",
        "identifiable composites",
        "prior-to-posterior contraction",
        "sensitivity to the prior",
        "local identifiability",
    ):
        assert check in {name for name, _ in seen}
    for verdict in checked["verdicts"]:
        assert verdict["sentence"].endswith(".")
        assert verdict["numbers"]
        assert all(np.isfinite(list(verdict["numbers"].values())))
    written = json.loads((made_up_run / "check.json").read_text())
    assert written["verdicts"] == checked["verdicts"]


def test_the_page_stands_alone_and_says_what_it_must(checked: dict, made_up_run: Path):
    text = (made_up_run / "check.html").read_text()
    page = Page(text)
    assert len(set(page.ids)) == len(page.ids)
    assert {link.removeprefix("#") for link in page.links} <= set(page.ids)
    assert page.pictures
    assert all(page.pictures)
    assert "SYNTHETIC DATA" in text
    assert "For research use only" in text
    assert "the chains have not converged" in text
    assert text.count("A good one") >= len(page.pictures)
    for verdict in checked["verdicts"]:
        assert verdict["check"] in text


def test_what_is_no_run_or_a_damaged_one_is_reported(made_up_run: Path, tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="no such folder"):
        open_run(tmp_path / "nothing")
    with pytest.raises(FileNotFoundError, match=r"has no posterior\.nc"):
        open_run(tmp_path)
    for name, content in (
        ("posterior.nc", b"not a netCDF file"),
        ("provenance.json", b"{}"),
        ("config.toml", b"model ="),
        ("summary.csv", b""),
        ("cohort.csv", b"ID,TIME\n1,2\n"),
    ):
        damaged = tmp_path / f"damaged {name}"
        shutil.copytree(made_up_run, damaged)
        (damaged / name).write_bytes(content)
        with pytest.raises(ValueError, match="is damaged"):
            open_run(damaged).x  # noqa: B018  (draws are read when they are asked for)


def test_a_cohort_that_is_not_the_fitted_one_is_reported(made_up_run: Path, tmp_path: Path):
    other = tmp_path / "other"
    shutil.copytree(made_up_run, other)
    cohort = read_events(other / COHORT_FILE)
    (other / COHORT_FILE).unlink()
    write_events(cohort.select(list(cohort.patients.index[:3])), other / COHORT_FILE)
    with pytest.raises(ValueError, match=r"cohort\.csv is damaged or was replaced"):
        open_run(other)
    provenance = json.loads((other / "provenance.json").read_text())
    del provenance["files_sha256"]
    (other / "provenance.json").write_text(json.dumps(provenance))
    assert len(open_run(other).x) == CHAINS * DRAWS
    with pytest.raises(ValueError, match="different trials"):
        open_run(other).density  # noqa: B018
