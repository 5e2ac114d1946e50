"""No output on any shipped model holds ``nan``: searched for over random patients."""

import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lymphokin.cli import app
from lymphokin.io import read_events
from lymphokin.literature import calibrated_models
from lymphokin.model import shipped_models
from lymphokin.run import Fit
from lymphokin.shipped import data_path
from tests.made_up_fit import made_up_fit

QUICK = "hedos_hcc"
"""The model of the default run, as it compiles in seconds; the slow run tries all."""
NEED_DRAWS = (
    *("check", "predict one", "predict one in JSON", "whatif", "whatif in JSON", "compare"),
    *("interim", "interim in JSON"),
)
"""Commands that refuse a fit whose chains never moved."""
NAN = re.compile(r"(?i)(?<![\w/.])(nan|inf|infinity)(?![\w/])")
WRITTEN = (".csv", ".json", ".html", ".toml")


def nan_in(text: str) -> list[str]:
    """What stands around every ``nan`` of a text; scripts and styles of a page are left out."""
    plain = re.sub(r"<(script|style).*?</\1>", "", text, flags=re.DOTALL)
    return [plain[max(0, m.start() - 60) : m.end() + 20] for m in NAN.finditer(plain)]


def random_table(folder: Path, count: int, seed: int) -> Path:
    """Patients as a clinic sees them: ordinary, lymphopenic, under hard and soft courses, with and
    without the drug, with counts below the limit, single and missing ones.
    """
    rng = np.random.default_rng(seed)
    lines = ["ID,TIME,EVID,CMT,AMT,DVID,DV,LLOQ,ARM,SITE,N_LESIONS,PTV_CM3"]
    for i in range(count):
        gray, drug = float(rng.uniform(1.8, 20)), bool(rng.uniform() < 0.5)
        site = str(rng.choice(["lung_peripheral", "liver", "spine", "brain"]))
        arm = rng.choice(["", "SBRT+ATRA" if drug else "SBRT"])
        rest = f"{arm},{site},{rng.integers(1, 4)},{rng.uniform(5, 900):.0f}"
        level = float(np.exp(rng.normal(0.2, 0.6)))
        rows = [(-3.0, f"0,,,alc,{level:.2f},0.1"), (5.0, f"0,,,mdsc,{rng.uniform(1, 90):.1f},1")]
        days = range(int(rng.integers(1, min(10, 100 // gray) + 1)))
        rows += [(float(day), f"1,rt,{gray:.1f},,,") for day in days]
        if drug:
            rows += [(float(day), "1,atra,270,,,") for day in (0, 1, 2, 21)]
            rows.append((1.125, f"0,,,atra,{rng.uniform(20, 800):.0f},10"))
        for day in (14.0, 28.0, 45.0, 90.0):
            level *= float(np.exp(rng.normal(-0.2, 0.5)))
            value = f"{level:.2f}" if level > 0.1 else "<0.1"
            if rng.uniform() < 0.6:
                rows.append((day, f"0,,,alc,{value},0.1"))
        lines += [f"P{i},{day:g},{row},{rest}" for day, row in sorted(rows)]
    path = folder / "patients.csv"
    path.write_text("\n".join(lines) + "\n")
    return path


def outputs(
    fit: Fit, table: Path, folder: Path, seed: int, skipped: tuple[str, ...] = ()
) -> dict[str, str]:
    """What the commands print and write about a fit, by command or file."""
    fit.save(folder / "run", counts_until=14.0, progress=False)
    run, rng = str(folder / "run"), np.random.default_rng(seed)
    (folder / "other").mkdir()
    other = random_table(folder / "other", 30, seed + 100)
    one = ["--baseline", f"{rng.uniform(0.2, 2):.2f}", "--fractions", "5x10", "--site", "liver"]
    (folder / "patient.toml").write_text(
        f'site = "liver"\ncounts = [{{day = -3, value = {rng.uniform(0.3, 2):.2f}}}]\n'
    )
    for name, days in (("a", 5), ("b", 3)):
        rows = ", ".join(f"{{day = {day}, gy = 10.0}}" for day in range(days))
        (folder / f"{name}.toml").write_text(f"fractions = [{rows}]\n")
    both = ["--schedule", str(folder / "a.toml"), "--schedule", str(folder / "b.toml")]
    two = ["whatif", "--run", run, "--patient", str(folder / "patient.toml"), *both]
    arms = fit.cohort.patients["arm"]
    apart = ",".join(arms.index[~arms.isin(["SBRT", "SBRT+ATRA"])])
    look = ["trial", "interim", run, "--draws", "40", "--leave-out", apart]
    commands = {
        "predict": ["predict", run, "--counts-until", "0"],
        "predict in JSON": ["predict", run, str(table), "--json"],
        "predict into a file": ["predict", run, str(table), "--out", str(folder / "new.csv")],
        "predict one": ["predict", run, *one],
        "predict one in JSON": ["predict", run, *one, "--json"],
        "whatif": two,
        "whatif in JSON": [*two, "--json"],
        "check": ["check", run],
        "compare": ["compare", run, run + "_again", "--out", str(folder / "compared.html")],
        "validate": ["validate", run, str(other), "--look", "0", "--out", str(folder / "v.html")],
        "interim": look,
        "interim in JSON": [*look, "--json"],
    }
    if fit.model.name in calibrated_models():
        only = ["spread", str(table), "--model", fit.model.name, "--counts-until", "0"]
        commands["spread"] = [*only, "--out", str(folder / "spread.csv")]
    if "compare" not in skipped:
        shutil.copytree(run, run + "_again")
    wanted = {name: words for name, words in commands.items() if name not in skipped}
    return {name: printed(*words) for name, words in wanted.items()} | {
        str(path.relative_to(folder)): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.suffix in WRITTEN
    }


def printed(*arguments: str) -> str:
    """What a command prints."""
    done = CliRunner().invoke(app, arguments, catch_exceptions=False)
    assert done.exit_code == 0, arguments
    return done.output


def test_the_search_finds_what_it_is_for():
    for text in ("nan", "risk nan %", "[NaN, 1]", "(nan, nan)", "-inf", "<td>nan</td>", "a,nan,b"):
        assert nan_in(text), text
    for text in ("banana", "Nanna", "infectious", "runs/nan/run", "<style>nan</style>", "info"):
        assert not nan_in(text), text


@pytest.mark.long
def test_no_output_holds_nan(tmp_path):
    table = random_table(tmp_path, 8, seed=1)
    fit = made_up_fit(QUICK, read_events(table), spread=1.0)
    dear = (
        "interim in JSON",
        "validate",
        "spread",
        "compare",
        "predict one",
        "predict one in JSON",
        "whatif in JSON",
    )
    found = outputs(fit, table, tmp_path, 1, dear)
    assert len(found) >= 15
    assert {where: nan_in(text) for where, text in found.items() if nan_in(text)} == {}


@pytest.mark.long
def test_a_chain_that_never_moved_shows_no_nan(tmp_path):
    table = random_table(tmp_path, 4, seed=2)
    fit = made_up_fit(QUICK, read_events(table), spread=0.0)
    assert fit.convergence["level"] == "bad"
    more = ("validate", "spread", "predict in JSON")
    found = outputs(fit, table, tmp_path, 2, NEED_DRAWS + more) | {"verdict": fit.verdict}
    done = CliRunner().invoke(app, ["check", str(tmp_path / "run")])
    assert "its chains never moved" in str(done.exception)
    assert {where: nan_in(text) for where, text in found.items() if nan_in(text)} == {}


@pytest.mark.slow  # every model, more patients: minutes
@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize("name", sorted({*shipped_models()} - {"abscopal_cd8"}))
def test_no_output_of_any_model_holds_nan(name, seed, tmp_path):
    """But of the one whose patients need lesions, which the tables here do not have."""
    table = random_table(tmp_path, 40, seed)
    fit = made_up_fit(name, read_events(table), spread=1.0)
    found = outputs(fit, table, tmp_path, seed)
    assert {where: nan_in(text) for where, text in found.items() if nan_in(text)} == {}


TRIAL = {
    "simulate": "--trials 30 --workers 1 --design {design} --out {out}/sweep",
    "simulate of few who stay": "--trials 5 --workers 1 --design {none} --out {out}/none",
    "power": "--control {high} --treated {low} --n 5 --json",
    "power at the ends": "--control 1 --treated 0 --n 1 --json",
    "sample-size": "--control 0.9 --treated 0.1 --json",
    "compare": "--control {high} --treated {low} --n 4 --json",
    "assurance": "--n 5 --control-beta 1,1 --treated-beta 1,1 --json",
    "assurance by the model": "--design {design} --draws 5 --patients 4 --json",
    "safety": "--looks 3,6 --rates 0,0.3,1 --table --json",
    "safety in time": "--looks 3,6 --rates 0,1 --accrual 2 --runs 20 --json",
    "safety-exposure": "--below 0 --above 1 --draws 5 --patients 5 --json",
    "space": "--parts power --control 0.5 --sizes 3,5 --out {out}/space --json",
    "report": "--design {design} --draws 5 --patients 4 --trials 20 --out {out}/design.html",
}
"""Commands of the trial rooms with arguments, for a few patients and draws."""


@pytest.mark.slow  # the model is compiled for each: a minute
@pytest.mark.parametrize("seed", [5, 6])
def test_no_output_of_a_trial_or_simulation_holds_nan(seed, tmp_path):
    rng, shipped = np.random.default_rng(seed), data_path("nct06439888.design.toml").read_text()
    small = shipped.replace("per_arm = 26", f"per_arm = {rng.integers(2, 6)}")
    rare = small.replace("drop_out_probability = 0.06", "drop_out_probability = 0.9")
    words = {"out": tmp_path, "design": tmp_path / "small.toml", "none": tmp_path / "rare.toml"}
    words |= {"high": f"{rng.uniform(0.5, 1):.3f}", "low": f"{rng.uniform(0, 0.5):.3f}"}
    words["design"].write_text(small)
    words["none"].write_text(rare)
    found = {
        name: printed("trial", name.split()[0], *text.format(**words).split())
        for name, text in TRIAL.items()
    }
    found["simulate a trial"] = printed(
        "simulate", "--out", str(tmp_path / "trial.csv"), "--seed", str(seed)
    )
    for path in tmp_path.rglob("*"):
        if path.suffix in WRITTEN:
            found[str(path.relative_to(tmp_path))] = path.read_text(encoding="utf-8")
    assert {where: nan_in(text) for where, text in found.items() if nan_in(text)} == {}
