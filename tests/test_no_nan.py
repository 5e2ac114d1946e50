"""No output on any shipped model holds ``nan``: searched for over random patients."""

import re
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from lymphokin.cli import app
from lymphokin.io import read_events
from lymphokin.model import shipped_models
from lymphokin.run import Fit
from tests.made_up_fit import made_up_fit

NEED_DRAWS = ("check", "predict one", "predict one in JSON", "whatif", "whatif in JSON")
QUICK = {"hedos_hcc": (), "saturating_kill": NEED_DRAWS, "lymphocyte_feedback": NEED_DRAWS}
"""Models of the default run: a small one, and those that no literature posterior covers; and which
commands, that take long to compile, only the slow run tries on them."""
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
    one = ["--baseline", f"{rng.uniform(0.2, 2):.2f}", "--fractions", "5x10", "--site", "liver"]
    (folder / "patient.toml").write_text(
        f'site = "liver"\ncounts = [{{day = -3, value = {rng.uniform(0.3, 2):.2f}}}]\n'
    )
    for name, days in (("a", 5), ("b", 3)):
        rows = ", ".join(f"{{day = {day}, gy = 10.0}}" for day in range(days))
        (folder / f"{name}.toml").write_text(f"fractions = [{rows}]\n")
    both = ["--schedule", str(folder / "a.toml"), "--schedule", str(folder / "b.toml")]
    two = ["--run", run, "--patient", str(folder / "patient.toml"), *both]
    commands = {
        "predict": [run, "--counts-until", "0"],
        "predict in JSON": [run, str(table), "--json"],
        "predict into a file": [run, str(table), "--out", str(folder / "new.csv")],
        "predict one": [run, *one],
        "predict one in JSON": [run, *one, "--json"],
        "whatif": two,
        "whatif in JSON": [*two, "--json"],
        "check": [run],
    }
    found = {}
    for name in commands.keys() - set(skipped):
        arguments = commands[name]
        done = CliRunner().invoke(app, [name.split()[0], *arguments], catch_exceptions=False)
        assert done.exit_code == 0, name
        found[name] = done.output
    for path in folder.rglob("*"):
        if path.suffix in WRITTEN:
            found[str(path.relative_to(folder))] = path.read_text(encoding="utf-8")
    return found


def test_the_search_finds_what_it_is_for():
    for text in ("nan", "risk nan %", "[NaN, 1]", "(nan, nan)", "-inf", "<td>nan</td>", "a,nan,b"):
        assert nan_in(text), text
    for text in ("banana", "Nanna", "infectious", "/tmp/nan/run", "<style>nan</style>", "info"):
        assert not nan_in(text), text


@pytest.mark.parametrize(("name", "skipped"), QUICK.items())
def test_no_output_holds_nan(name, skipped, tmp_path):
    table = random_table(tmp_path, 8, seed=1)
    fit = made_up_fit(name, read_events(table), spread=1.0)
    found = outputs(fit, table, tmp_path, 1, skipped)
    assert len(found) >= 10
    assert {where: nan_in(text) for where, text in found.items() if nan_in(text)} == {}


def test_a_chain_that_never_moved_shows_no_nan(tmp_path):
    table = random_table(tmp_path, 4, seed=2)
    fit = made_up_fit("hedos_hcc", read_events(table), spread=0.0)
    assert fit.convergence["level"] == "bad"
    found = outputs(fit, table, tmp_path, 2, NEED_DRAWS) | {"verdict": fit.verdict}
    done = CliRunner().invoke(app, ["check", str(tmp_path / "run")])
    assert "its chains never moved" in str(done.exception)
    assert {where: nan_in(text) for where, text in found.items() if nan_in(text)} == {}


@pytest.mark.slow  # every model, more patients: minutes
@pytest.mark.parametrize("seed", [3, 4])
@pytest.mark.parametrize("name", sorted(shipped_models()))
def test_no_output_of_any_model_holds_nan(name, seed, tmp_path):
    table = random_table(tmp_path, 40, seed)
    fit = made_up_fit(name, read_events(table), spread=1.0)
    found = outputs(fit, table, tmp_path, seed)
    assert {where: nan_in(text) for where, text in found.items() if nan_in(text)} == {}
