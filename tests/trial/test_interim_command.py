"""What ``trial interim`` prints of a look: every number in its own column."""

import json
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from typer.testing import CliRunner

from lymphokin.cli import app
from lymphokin.model import load_model
from lymphokin.trial.interim import Look
from lymphokin.trial.interim.predictive import ArmSoFar, predictive

COUNTS = {
    "control": {"event": 4, "no event": 7, "in follow-up": 2, "missing": 1},
    "treated": {"event": 1, "no event": 9, "in follow-up": 0, "missing": 3},
}
TO_COME = (8, 6)


def a_look() -> Look:
    """A look at 14 and 13 patients of whom everybody still to be seen has a risk of 0.3."""
    rows = [
        {"id": f"{arm[0].upper()}{i:02d}{status[0]}", "arm": arm, "status": status}
        for arm, counts in COUNTS.items()
        for status, count in counts.items()
        for i in range(count)
    ]
    patients = pd.DataFrame(rows).set_index("id")
    waiting = patients["status"] == "in follow-up"
    for column, value in {"planned_day": 50.0, "followed": 21.0, "evaluable": 0.91}.items():
        patients[column] = value
    for column, value in {"risk": 0.3, "risk_q05": 0.12, "risk_q95": 0.58}.items():
        patients[column] = np.where(waiting, value, np.nan)
    arms = []
    for counts, coming in zip(COUNTS.values(), TO_COME, strict=True):
        known, open_ = counts["event"] + counts["no event"], counts["in follow-up"] + coming
        arms.append(ArmSoFar(counts["event"], known, np.full((1, open_), 0.3), np.ones(open_)))
    found = predictive(arms[0], arms[1], "fisher", 0.05, "excluded")
    return Look(found, patients, TO_COME, error=0.004)


@pytest.fixture
def command(monkeypatch):
    """The command on that look, whatever the run."""
    fit = SimpleNamespace(cohort=None, config={"fixed": {}}, require_draws=lambda doing: None,
                          model=load_model("myeloid_lymphoid"))  # fmt: skip
    monkeypatch.setattr("lymphokin.run.open_run", lambda folder, models: fit)
    monkeypatch.setattr("lymphokin.trial.interim.look_at", lambda *args, **named: a_look())

    def run(*options: str) -> str:
        done = CliRunner().invoke(
            app, ["trial", "interim", "runs/look", *options], catch_exceptions=False
        )
        assert done.exit_code == 0, done.output
        return done.output

    return run


def final_rate(arm: str, to_come: int) -> tuple[float, float, float]:
    """Median and 90 % interval of the rate at the end: the binomial of those still to be seen."""
    counts = COUNTS[arm]
    known, open_ = counts["event"] + counts["no event"], counts["in follow-up"] + to_come
    ends = stats.binom(open_, 0.3).ppf((0.05, 0.5, 0.95)) + counts["event"]
    low, middle, high = (float(end) / (known + open_) for end in ends)
    return low, middle, high


def test_every_number_of_an_arm_stands_in_its_column(command):
    lines = [line for line in command().splitlines() if "│" in line]
    for (arm, counts), coming in zip(COUNTS.items(), TO_COME, strict=True):
        cells = next(line for line in lines if line.split("│")[1].strip() == arm).split("│")[2:-1]
        low, middle, high = final_rate(arm, coming)
        assert [cell.strip() for cell in cells] == [
            *(str(counts[status]) for status in ("event", "no event", "in follow-up", "missing")),
            str(coming),
            f"{middle:.2f} ({low:.2f}-{high:.2f})",
        ]
    waiting = next(line for line in lines if "C00i" in line).split("│")[1:-1]
    assert [cell.strip() for cell in waiting] == [
        "C00i", "control", "day 21", "day 50", "0.30 (0.12-0.58)", "0.91",
    ]  # fmt: skip


def test_json_holds_the_same_numbers(command):
    result = json.loads(command("--json"))["as fitted"]
    assert result["monte_carlo_error"] == 0.004
    assert result["predictive_probability"] == pytest.approx(a_look().predictive.probability)
    for (arm, counts), coming in zip(COUNTS.items(), TO_COME, strict=True):
        shown = result["arms"][arm]
        keys = ("events", "no_events", "in_follow_up", "missing", "to_come")
        assert [shown[key] for key in keys] == [*counts.values(), coming]
        low, _, middle, _, high = shown["final_rate_q05_q25_q50_q75_q95"]
        assert (low, middle, high) == pytest.approx(final_rate(arm, coming))


def test_what_visits_show_of_a_window_and_the_true_curve_stand_apart(command, monkeypatch):
    look = a_look()
    patients = look.patients.assign(p_true=0.41 * look.patients["risk"] / 0.3)
    of_window = replace(look, patients=patients)
    asked = []
    monkeypatch.setattr(
        "lymphokin.trial.interim.look_at",
        lambda fit, cohort, design, **named: (asked.append(design.judged.name), of_window)[1],
    )
    printed = command("--endpoint", "grade3_lowest")
    assert asked == ["grade3_lowest"]
    assert "Lowest count below 0.5 within 30 days" in " ".join(printed.split())
    rows = [[c.strip() for c in line.split("│")[1:-1]] for line in printed.splitlines()]
    assert ["C00i", "control", "day 21", "day 50", "0.30 (0.12-0.58)", "0.41", "0.91"] in rows
    shown = json.loads(command("--endpoint", "grade3_lowest", "--json"))["as fitted"]
    assert shown["endpoint"] == "grade3_lowest"
    waiting = [row for row in shown["patients"] if row["status"] == "in follow-up"]
    assert [row["p_true"] for row in waiting] == pytest.approx([0.41] * len(waiting))
    with pytest.raises(ValueError, match=r"days_below_0\.5 is a number and no event"):
        command("--endpoint", "days_below_0.5")


def test_gamma_zero_is_another_run_with_that_parameter_fixed(command):
    assert "Beside it belongs gamma = 0" in command()
    with pytest.raises(
        ValueError, match="runs/null: expected a run fitted with --fix suppression=0"
    ):
        command("--gamma-zero", "runs/null")
