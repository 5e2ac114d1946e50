"""What the terminal prints of a forecast."""

import re
from types import SimpleNamespace

import pandas as pd
from rich.console import Console

from lymphokin.endpoints import DEFAULT, Endpoint, shipped_endpoints
from lymphokin.model import load_model
from lymphokin.predict import Forecast
from lymphokin.terminal import _unmeasured, contrast_table, patients_table
from tests.report.made_up import made_up, made_up_patients

USUAL = shipped_endpoints()[DEFAULT]


def printed(table) -> str:
    console = Console(width=140, record=True, force_terminal=False)
    with console.capture() as shown:
        console.print(table)
    return shown.get()


def cells_of(line: str) -> list[str]:
    """Cells of a line of a printed table."""
    return [cell.strip() for cell in re.findall("[^│┃]+", line)]


def test_each_patient_has_its_risk_and_what_happened_in_one_line():
    table = made_up_patients(["P01", "[red]P02"], ["SBRT", "[b]x"]).set_index("id")
    lines = printed(patients_table(Forecast(table, 14.0, (), USUAL, True))).splitlines()
    assert lines[0].strip().startswith("SYNTHETIC DATA.")
    assert "from counts up to day 14" in " ".join(" ".join(lines[:2]).split())
    for name, row in table.iterrows():
        line = next(line for line in lines if str(name) in line)
        risk, low, high = (f"{100 * row[c]:.0f}" for c in
                           ("p_grade2_measured", "p_grade2_q05", "p_grade2_q95"))  # fmt: skip
        mark = " *" if row["extrapolation"] else ""
        grade = "grade >= 2" if row["observed_grade2"] else "no"
        happened = f"{grade} ({row['observed_alc']:.2f})"
        for cell in (f"{risk} %{mark}", f"{low} to {high} %", happened, row["arm"]):
            assert cell in line
    assert "90 %, population" in lines[3]
    assert "a patient's own true risk often lies outside" in " ".join(" ".join(lines).split())


def test_of_many_patients_the_highest_risks_are_printed_and_where_the_rest_is():
    ids = [f"P{i:03d}" for i in range(500)]
    table = made_up_patients(ids, ["SBRT"] * 500).set_index("id")
    text = printed(patients_table(Forecast(table, None, (), USUAL, False)))
    assert len(text.splitlines()) < 45
    assert "P499" in text
    assert "P400" not in text
    words = " ".join(text.split())  # a caption is as wide as its table
    assert "The 30 highest risks of 500 patients. All of them: patients.csv, or" in words


def test_what_was_not_measured_is_named_after_a_fit():
    one = made_up(["a"], ["SBRT"], mdsc=False)
    summary = one.parameters.assign(learnt=["well", "not measured"])
    fit = SimpleNamespace(summary=summary, cohort=one.cohort, model=load_model("myeloid_lymphoid"))
    said = _unmeasured(fit)
    assert said.startswith("Not measured here, seen only through lymphocytes: suppression.")
    fit.summary = one.parameters
    assert _unmeasured(fit) == ""


def test_the_arms_and_their_difference_are_printed_with_and_without_the_link():
    contrast = made_up(["a", "b"], ["SBRT", "SBRT+ATRA"]).contrast
    lines = printed(contrast_table(contrast, load_model("myeloid_lymphoid"))).splitlines()
    fitted = next(line for line in lines if "gamma as fitted" in line)
    zero = next(line for line in lines if "gamma = 0" in line)
    heads = next(line for line in lines if "the myeloid link" in line)
    assert cells_of(heads)[1:] == ["SBRT", "SBRT+ATRA", "difference"]
    assert cells_of(fitted)[1:] == [
        "40 % (20 to 60 %)", "42 % (22 to 62 %)", "−13 points (−41 to 9)",
    ]  # fmt: skip
    assert cells_of(zero)[1:] == ["45 % (25 to 65 %)", "47 % (27 to 67 %)", "1 point (−7 to 12)"]


def test_of_a_curve_the_true_number_stands_before_that_of_visits_and_its_probability():
    numbers = {
        f"low_{kind}_q{q}": 0.01 * int(q) + more
        for kind, more in (("true", 0.3), ("measured", 0.2))
        for q in ("05", "25", "50", "75", "95")
    }
    row = {"arm": "SBRT", "n_counts_used": 3, "p_low_true": 0.21, "p_low_measured": 0.34,
           "observed_low": 0.47, "extrapolation": ""}  # fmt: skip
    table = pd.DataFrame([numbers | row], index=pd.Index(["P01"], name="id"))
    low = Endpoint.model_validate({
        "name": "low", "meaning": "Lowest count", "what": "lowest", "from": "last_fraction",
        "until": 30, "below": 0.5, "visits": [28],
    })  # fmt: skip
    lines = printed(patients_table(Forecast(table, 14.0, (), low, False))).splitlines()
    assert cells_of(next(line for line in lines if "P01" in line)) == [
        "P01", "SBRT", "3", "0.800", "0.350 to 1.25", "0.700", "0.250 to 1.15", "21 %", "0.470",
    ]  # fmt: skip
    heads = cells_of(next(line for line in lines if "patient" in line))
    assert heads[3:9:2] == ["true curve", "on visits", "probability"]
