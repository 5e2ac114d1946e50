"""The report: one page that stands alone, says what it must, and survives odd cohorts."""

import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
import xarray as xr

from lymphokin.io import Cohort
from lymphokin.report import ReportContents, render_report, write_report
from lymphokin.report.courses import pulses

QUANTILES = ["q05", "q25", "q50", "q75", "q95"]
SPREAD = np.array([0.7, 0.85, 1.0, 1.2, 1.4])
VOID = {"meta", "br", "img", "link", "input", "hr"}


class Page(HTMLParser):
    """What a browser would see: elements, attributes and text; unbalanced tags are an error."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open[-1:] != ["style"]:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def labels(self) -> list[str]:
        """Alternative texts of the figures."""
        return [a["aria-label"] or "" for t, a in self.elements if a.get("role") == "img"]


def made_up(ids: list[str], arms: list[str | None], mdsc: bool = True) -> ReportContents:
    """A report's contents from small tables; arms with "ATRA" in their name have ATRA."""
    treated = [i for i, arm in zip(ids, arms, strict=True) if arm and "ATRA" in arm]
    days = np.arange(-14.0, 60.0, 7.0)
    seen = [(i, d, "alc", 1.1, False, None) for i in ids for d in (-7.0, 14.0, 46.0)]
    seen += [(i, 21.0, "alc", 0.2, True, None) for i in ids]
    seen += [(i, 4.0, "mdsc", 18.0, False, "edta") for i in ids if mdsc]
    seen += [(i, 0.125, "atra", 210.0, False, None) for i in treated]
    observations = pd.DataFrame(
        seen, columns=["id", "day", "quantity", "value", "censored", "tube"]
    )
    cohort = Cohort(
        patients=pd.DataFrame({"arm": arms}, index=ids),
        fractions=pd.DataFrame(
            {"id": np.repeat(ids, 3), "day": [0.0, 1.0, 2.0] * len(ids), "prescribed_gy": 10.0}
        ),
        doses=pd.DataFrame(
            [(i, d, "atra", 270.0) for i in treated for d in (0.0, 1.0, 2.0, 21.0)],
            columns=["id", "day", "drug", "amount_mg"],
        ),
        observations=observations.assign(lloq=0.2),
        source="made_up.csv",
    )
    patients = pd.DataFrame({"id": ids, "arm": arms, "endpoint_day": 46.0})
    patients = patients.assign(
        p_grade2_measured=np.linspace(0.1, 0.8, len(ids)),
        p_grade2_true=0.3,
        p_grade3_measured=0.05,
        p_grade4_measured=0.001,
        p_grade2_q05=0.05,
        p_grade2_q95=0.9,
        n_counts_used=3,
        baseline_grade=0,
        extrapolation="",
        observed_alc=0.7,
        observed_grade2=True,
        pareto_k=0.2,
        **{f"alc_{q}": 0.9 * s for q, s in zip(QUANTILES, SPREAD, strict=True)},
    )
    courses = {
        f"{quantity}_{q}": (("patient", "day"), np.full((len(ids), len(days)), level * s))
        for quantity, level in {"alc": 1.0, **({"mdsc": 20.0} if mdsc else {})}.items()
        for q, s in zip(QUANTILES, SPREAD, strict=True)
    }
    parameters = pd.DataFrame(
        {
            "name": ["radiosensitivity", "suppression"],
            "symbol": ["alpha", "gamma"],
            "unit": ["1/Gy", "1"],
            "meaning": ["Lymphocytes hit per Gy", "Myeloid suppression"],
            "contraction": [0.9, -0.004],
            "rhat": 1.0,
            "ess_bulk": 900.0,
            "ess_tail": 800.0,
            "certainty": "proposed prior",
            "source": "Judgement",
            "learnt": ["well", "prior only"],
        }
    ).assign(
        prior_q05=0.2, prior_q50=0.5, prior_q95=1.2, **dict(zip(QUANTILES, SPREAD, strict=True))
    )
    names = sorted({str(arm) for arm in arms})
    contrast = [(kind, arm, 5, 0.2, 0.4, 0.6) for kind in ("fitted", "zero") for arm in names]
    if len(names) > 1:
        contrast += [(kind, "difference", 10, -0.4, -0.1, 0.1) for kind in ("fitted", "zero")]
    atra = pd.DataFrame({"id": treated, "day": 0.125, "observed": 210.0, "censored": False})
    draws = np.random.default_rng(1).lognormal(size=(2, 300))
    return ReportContents(
        title="A made-up trial",
        synthetic=True,
        created="2026-03-02 10:00 UTC",
        cohort=cohort,
        counts_until=21.0,
        patients=patients,
        trajectories=xr.Dataset(courses, coords={"patient": ids, "day": days}),
        atra=atra.assign(**dict(zip(QUANTILES, 200 * SPREAD, strict=True))) if treated else None,
        parameters=parameters,
        parameter_draws={"radiosensitivity": (draws[0], draws[1])},
        contrast=pd.DataFrame(
            contrast, columns=["suppression", "arm", "n", "rate_q05", "rate_q50", "rate_q95"]
        ),
        convergence={
            "verdict": "All chains agree.",
            "level": "good",
            "rhat_max": 1.004,
            "ess_bulk_min": 812.0,
            "divergences": 0,
            "divergence_share": 0.0,
            "draws": 500,
            "chains": 2,
            "worst": [("radiosensitivity", 1.004, 812.0)],
        },
        provenance={"model": "myeloid_lymphoid", "seed": 7, "versions": {"jax": "0.9"}},
    )


@pytest.fixture(scope="module")
def trial() -> ReportContents:
    return made_up(["P01", "P02", "P03"], ["SBRT", "SBRT+ATRA", "SBRT+ATRA"])


@pytest.fixture(scope="module")
def text(trial: ReportContents) -> str:
    return render_report(trial)


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_page_stands_alone(page: Page, text: str) -> None:
    tags = {tag for tag, _ in page.elements}
    assert not tags & {"script", "link", "iframe", "object", "embed", "img"}
    for tag, attributes in page.elements:
        for name in ("href", "xlink:href", "src", "srcset", "action"):
            assert (attributes.get(name) or "#").startswith("#"), (tag, attributes)
        assert not [name for name in attributes if name.startswith("on")]
    assert "url(http" not in text
    assert "@import" not in text


def test_every_reference_inside_the_page_has_one_target(page: Page, text: str) -> None:
    ids = Counter(attributes["id"] for _, attributes in page.elements if "id" in attributes)
    assert [name for name, times in ids.items() if times > 1] == []
    used = set(re.findall(r'(?:url\(#|href="#)([^)"]+)', text))
    used |= {a["aria-labelledby"] for _, a in page.elements if "aria-labelledby" in a}
    assert used <= set(ids)


def test_page_says_what_it_must(page: Page) -> None:
    for words in (
        "For research use only",
        "SYNTHETIC DATA",
        "P01",
        "No human data show that ATRA raises lymphocyte counts",
        "γ = 0",
        "ATRA works on MDSC but not on lymphocytes",
        "0.8: below it, grade ≥ 2",
        "90 % equal-tailed",
        "All chains agree.",
        "prior only",
        "order of magnitude",
        "seed",
    ):
        assert words in page.text
    assert "These data taught almost nothing about γ" in page.text


def test_every_patient_has_a_row_and_a_panel_with_a_description(
    page: Page, trial: ReportContents
) -> None:
    for patient in trial.patients["id"]:
        assert page.words.count(patient) >= 3
        assert any(f"Patient {patient}," in label for label in page.labels())


def test_headings_descend_one_level_at_a_time(page: Page) -> None:
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert max(np.diff(levels)) <= 1


def test_same_contents_give_the_same_page(trial: ReportContents, text: str) -> None:
    assert render_report(trial) == text


def test_real_data_carry_no_synthetic_banner(trial: ReportContents) -> None:
    assert "synthetic" not in Page(render_report(replace(trial, synthetic=False))).text.lower()


def test_hostile_names_stay_text() -> None:
    ids = [
        "<script>alert(1)</script>",
        '"onload="x" $^2 &amp; id="f0"',
        "ñ患者" + "very-long-" * 12,
    ]
    contents = made_up(ids, ["<b>arm</b>", "<b>arm</b>", "x ATRA"])
    page = Page(render_report(replace(contents, title="</title><script>", warnings=("<i>w</i>",))))
    assert not {tag for tag, _ in page.elements} & {"script", "i"}
    assert "<script>alert(1)</script>" in page.words
    assert "<i>w</i>" in page.words
    for patient in ids:
        assert patient in page.words


def test_one_untreated_patient_without_mdsc_or_endpoint_count() -> None:
    contents = made_up(["only"], ["observation"], mdsc=False)
    patients = contents.patients.assign(
        observed_alc=np.nan, observed_grade2=None, endpoint_day=np.nan, pareto_k=np.nan
    )
    cohort = replace(contents.cohort, fractions=contents.cohort.fractions.iloc[:0])
    bare = replace(
        contents,
        cohort=cohort,
        patients=patients,
        trajectories=contents.trajectories.isel(patient=slice(0)),
        contrast=contents.contrast.iloc[:0],
        parameter_draws={},
        counts_until=None,
    )
    words = Page(render_report(bare)).text
    assert "no count at the endpoint visit" in words
    assert "No MDSC sample" in words
    assert "No ATRA level" in words
    assert "No contrast between arms" in words


def test_missing_forecasts_and_arms_are_shown_as_unknown() -> None:
    contents = made_up(["a", "b"], [None, "SBRT"])
    risks = ["p_grade2_measured", "p_grade2_q05", "p_grade2_q95", *[f"alc_{q}" for q in QUANTILES]]
    patients = contents.patients.copy()
    patients.loc[0, risks] = np.nan
    words = Page(render_report(replace(contents, patients=patients))).text
    assert "unstated arm" in words
    assert "nan" not in words.lower().split()


def test_what_needs_care_is_said_first(trial: ReportContents) -> None:
    patients = trial.patients.assign(
        pareto_k=[0.9, 0.1, 0.1], extrapolation=["", "BSA above 2.4 m2", ""]
    )
    words = Page(
        render_report(replace(trial, patients=patients, warnings=("Chain 2 was stuck.",)))
    ).text
    summary = words.index("The model myeloid_lymphoid")
    for line in ("Chain 2 was stuck.", "forecast of P01 is unreliable", "1 patient outside"):
        assert words.index(line) < summary
    assert "BSA above 2.4 m2" in words


def test_counts_used_are_named(trial: ReportContents) -> None:
    for until, words in {
        0.0: "up to the first fraction",
        21.0: "own counts up to day 21",
        None: "all of that patient’s own counts before that visit",
    }.items():
        assert words in Page(render_report(replace(trial, counts_until=until))).text


def test_a_large_cohort_is_folded_but_complete(
    trial: ReportContents, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lymphokin.report.panels.FOLD_ABOVE", 2)
    page = Page(render_report(trial))
    assert "SBRT+ATRA, 1 to 2 of 2" in page.text
    for patient in trial.patients["id"]:
        assert page.words.count(patient) >= 3


def test_a_report_is_written_as_one_file(trial: ReportContents, text: str, tmp_path) -> None:
    path = tmp_path / "report.html"
    assert write_report(trial, path) == path
    assert path.read_text(encoding="utf-8") == text


def test_tables_are_checked(trial: ReportContents) -> None:
    with pytest.raises(ValueError, match=r"`patients` lacks the column\(s\) pareto_k"):
        replace(trial, patients=trial.patients.drop(columns="pareto_k"))
    with pytest.raises(ValueError, match="not in the cohort: P03"):
        replace(trial, cohort=trial.cohort.select(["P01", "P02"]))
    with pytest.raises(ValueError, match="at least one patient"):
        replace(trial, patients=trial.patients.iloc[:0])


def test_doses_are_grouped_into_pulses() -> None:
    days = np.array([0.0, 0.5, 1.0, 2.0, 21.0, 22.0])
    assert pulses(days) == [(0.0, 3.0), (21.0, 23.0)]
    assert pulses(np.array([])) == []
