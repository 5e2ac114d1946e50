"""The design space and the design report."""

import json
import re
import tomllib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import tomli_w
from typer.testing import CliRunner

from lymphokin.cli import app
from lymphokin.endpoints import at_day
from lymphokin.infer.information import ArrowMatrix
from lymphokin.io.problems import BadInput
from lymphokin.model import load_model
from lymphokin.shipped import data_path
from lymphokin.trial.exact import TESTS, Design
from lymphokin.trial.report import ModelPart, design_contents, render_design_report
from lymphokin.trial.report.contents import pulse_gaps
from lymphokin.trial.safety import Boin
from lymphokin.trial.space import RiskByDay, power_map, risk_by_day, sampling_information
from lymphokin.trial.space.figures import heat_map, risk_curves
from lymphokin.trial.space.sampling import planned_cohort, population_covariance
from lymphokin.trial.virtual import TruePopulation, VirtualDesign

DESIGN = VirtualDesign.read(data_path("nct06439888.design.toml"))
RISKS = RiskByDay(
    np.array([28.0, 42.0]), np.array([0.6, 0.5]), np.array([[0.5, 0.3], [0.4, 0.2]]),
    np.array([0.0, 7.0]),
)  # fmt: skip


def test_the_power_map_is_exact_power():
    table = power_map([22, 26], [0.15, 0.2], 0.5, "fisher", 0.07)
    assert table[0.15][26] == pytest.approx(0.849384, abs=1e-6)
    assert table[0.2][22] == pytest.approx(Design(TESTS["fisher"], 22, 22, 0.07).power(0.5, 0.2))
    two_to_one = power_map([10], [0.2], 0.5, "fisher", 0.07, ratio=2)
    assert two_to_one[0.2]["20 + 10"] == pytest.approx(
        Design(TESTS["fisher"], 20, 10, 0.07).power(0.5, 0.2)
    )
    with pytest.raises(BadInput, match="logrank"):
        power_map([10], [0.2], 0.5, "logrank", 0.07)


def test_patients_are_integrated_out_exactly():
    """The population's block of the inverse of the whole information, by brute force."""
    rng = np.random.default_rng(0)
    q, n, s = 3, 4, 2
    own = np.stack([a @ a.T + np.eye(s) for a in rng.normal(size=(n, s, s))])
    coupling = 0.3 * rng.normal(size=(n, s, q))
    population = 5 * np.eye(q) + np.einsum("psq,psr->qr", coupling, coupling)
    whole = np.zeros((q + n * s, q + n * s))
    whole[:q, :q] = population
    for i in range(n):
        place = slice(q + i * s, q + (i + 1) * s)
        whole[place, place] = own[i]
        whole[place, :q], whole[:q, place] = coupling[i], coupling[i].T
    found = population_covariance(ArrowMatrix(population, own, coupling))  # type: ignore[arg-type]
    assert found == pytest.approx(np.linalg.inv(whole)[:q, :q])


def test_the_planned_trial_has_the_samples_that_were_asked_for():
    cohort = planned_cohort(DESIGN, load_model("myeloid_lymphoid"), "mdsc", (0.0, 3.0, 21.0))
    mdsc = cohort.observations.query("quantity == 'mdsc'")
    assert sorted(set(mdsc["day"])) == [0.0, 3.0, 21.0]
    assert len(cohort) == 52
    assert cohort.doses["id"].nunique() == 26


def test_days_since_the_pulse_follow_the_calendar():
    gaps = pulse_gaps(DESIGN).set_index("fractions")
    assert (gaps["pulse"] == 3).all()
    # Ten fractions from a Monday end on day 11, from a Friday on day 13.
    assert gaps.loc[[10], ["visit_first", "visit_last"]].to_numpy()[0].tolist() == [53.0, 55.0]
    assert gaps.loc[[10], ["gap_first", "gap_last"]].to_numpy()[0].tolist() == [11.0, 13.0]
    assert gaps.loc[3, "gap_first"] == 2.0


@pytest.fixture(autouse=True)
def few_run_ins(monkeypatch):
    monkeypatch.setattr("lymphokin.trial.report.run_in.RUNS", 20)


def contents(design: VirtualDesign = DESIGN, **changes):
    return design_contents(design, created="2026-01-01", version="0.0", **changes)


def test_the_report_says_what_is_exact():
    text = render_design_report(contents())
    for number in ("0.8494", "0.9040", "0.0403", "0.769", "27 + 27", "22 + 22"):
        assert number in text, number
    assert "only by rounding" in text
    assert "0.8297" in text  # 24 + 24
    assert "<script" not in text
    assert not re.search(r"(?:src|href)=[\"']?https?:", text)


def two_to_one(**changes) -> VirtualDesign:
    """The shipped design with 30 treated and 15 control patients, and other tables."""
    raw = tomllib.loads(data_path("nct06439888.design.toml").read_text(encoding="utf-8"))
    del raw["design"]["per_arm"]
    raw["analysis"] |= {"n_treated": 30, "n_control": 15}
    raw["assumptions"] |= {"power": 0.6}
    left_out = [name for name, table in changes.items() if table is None]
    raw |= {name: table for name, table in changes.items() if table is not None}
    return VirtualDesign.of(
        {k: v for k, v in raw.items() if k not in left_out}, Path("mine.design.toml")
    )


def test_a_report_of_two_to_one_names_both_arms_and_maps_their_ratio():
    found = contents(two_to_one(axes={"control_patients": [10, 15], "treated_rates": [0.15]}))
    exact = Design(TESTS["fisher"], 30, 15, 0.07)
    assert found.power == pytest.approx(float(exact.power(0.5, 0.15)))
    assert list(found.sizes.index) == ["20 + 10", "30 + 15"]
    assert found.sizes[0.15]["30 + 15"] == pytest.approx(found.power)
    text = render_design_report(found)
    smallest = found.smallest["fisher"]
    assert smallest is not None
    assert smallest.n_treated == 2 * smallest.n_control
    assert f"{smallest.n_treated} + {smallest.n_control} ·" in text
    assert "30 treated, 15 control" in text
    assert "patients, treated + control" in text
    assert "per arm for" not in text


def test_every_exact_number_of_a_report_is_that_of_its_rates_and_its_patients():
    """Nobody stands in for a missed visit, and who drops out does so before it."""
    span = {"control_rates": [0.4, 0.6], "treated_rates": [0.1, 0.2], "control_patients": [15],
            "lost_per_arm": [2]}  # fmt: skip
    design = two_to_one(axes=span, run_in=None)
    plan = {**design.plan, "alc_days": [14], "visit_jitter_days": 0}
    found = contents(
        replace(
            design,
            truth=replace(design.truth, design=plan),
            conduct=replace(design.conduct, drop_out_days=(0.0, 1.0)),
        )
    )

    def power(control: float, treated: float, test: str = "fisher", lost: int = 0) -> float:
        return float(Design(TESTS[test], 30 - lost, 15 - lost, 0.07).power(control, treated))

    expected = [[power(c, t) for t in span["treated_rates"]] for c in span["control_rates"]]
    np.testing.assert_allclose(found.rates.loc[[0.4, 0.6], [0.1, 0.2]], expected)
    (lost,) = found.lost
    assert (lost.design.n_treated, lost.design.n_control) == (28, 13)
    assert lost.power == pytest.approx(power(0.5, 0.15, lost=2))
    assert lost.boschloo == pytest.approx(power(0.5, 0.15, "boschloo", lost=2))
    priors = Design(TESTS["fisher"], 30, 15, 0.07).average_power((10, 10), (3, 17))
    assert found.assurance == pytest.approx(priors)
    # Missed with probability 0.05, gone with 0.06.
    assert found.missing == pytest.approx(1 - 0.95 * 0.94)


def test_a_report_says_what_its_design_file_assumes_and_nothing_of_the_shipped_one():
    assumed = {"control_rate": 0.625, "treated_rate": 0.3, "power": 0.6}
    text = render_design_report(contents(two_to_one(assumptions=assumed, run_in=None)))
    for stated in ("62.5 %", "30 %", "60 % power", "states no priors"):
        assert stated in text, stated
    for shipped in ("Beta(", "run-in", "85 %", "50 %"):
        assert shipped not in text, shipped


def test_the_run_in_of_a_report_is_that_of_its_design_file():
    run_in = {"rule": "boin", "target": 0.2, "certainty": 0.9, "looks": [3, 6]}
    found = contents(two_to_one(run_in=run_in))
    assert found.run_in is not None
    assert found.run_in.exact.stop_limits == tuple(Boin(0.2, 0.9).limit(n) for n in (3, 6))
    assert found.run_in.in_time == []
    text = render_design_report(found)
    assert "BOIN: stop when P(rate &gt; 20 % given the data) exceeds 90 %" in text
    assert "outcomes pending" not in text


def test_the_report_shows_gamma_zero_beside_gamma():
    row = {"assurance": 0.3, "error": 0.01, "control": (0.4, 0.5, 0.6), "treated": (0.2, 0.3, 0.5)}
    rows = [row | {"label": label} for label in ("as in the population", "γ = 0")]
    power = pd.DataFrame([[0.2, 0.3], [0.5, 0.6]], index=[0.0, 7.0], columns=[28.0, 42.0])
    model = ModelPart("prior", 10, 20, rows, RISKS, power, None, "", {"suppression": 1.0})
    text = render_design_report(contents(model=model))
    assert "γ = 0" in text
    assert text.count("<svg") == 4


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "first", "says"),
    [("grade3_lowest", 11.0 + 28, "the last one of the endpoint’s window"),
     ("week15", 105.0, "The visit and the pulses are counted from the first fraction")],
)  # fmt: skip
def test_a_report_names_the_endpoint_it_judges(name: str, first: float, says: str):
    design = DESIGN.judging(name)
    row = {"assurance": 0.3, "error": 0.01, "control": (0.4, 0.5, 0.6), "treated": (0.2, 0.3, 0.5),
           "label": "as in the population"}  # fmt: skip
    model = ModelPart("prior", 10, 20, [row], None, None, None, "", {"suppression": 1.0})
    found = contents(design, model=model)
    gaps = found.pulse_gap.set_index("fractions")
    assert gaps.loc[10, "visit_first"] == first
    text = render_design_report(found)
    for stated in (design.judged.meaning, "taken as those of this endpoint", says, "0.300 ± 0.010"):
        assert stated in text, stated
    assert text.count("<svg") == 2
    usual = render_design_report(contents())
    assert DESIGN.judged.meaning in usual
    assert "taken as those" not in usual
    assert says not in usual


def test_a_pulse_that_comes_after_the_visit_leaves_no_days_since():
    early = DESIGN.judging(at_day(0))
    assert (pulse_gaps(early)["pulse"] == 0).all()
    text = render_design_report(contents(early))
    assert "nan" not in text.split('id="timing"')[1].split("</section>")[0]


def test_a_report_without_assumed_rates_is_refused(tmp_path: Path):
    file, out = tmp_path / "my.design.toml", tmp_path / "design.html"
    shipped = data_path("nct06439888.design.toml").read_text(encoding="utf-8")
    before, _, after = shipped.partition("[assumptions]")
    file.write_text(before + after[after.index("[run_in]") :], encoding="utf-8")
    command = ["trial", "report", "--no-model", "--design", str(file), "--out", str(out)]
    found = CliRunner().invoke(app, command)
    assert isinstance(found.exception, BadInput)
    assert "assumptions" in str(found.exception)
    assert not out.exists()


@pytest.mark.long
def test_the_maps_of_a_design_are_around_its_own_numbers(tmp_path: Path):
    file = tmp_path / "mine.design.toml"
    file.write_bytes(tomli_w.dumps(dict(two_to_one().raw)).encode())
    out = tmp_path / "space"
    command = ["trial", "space", "--parts", "power", "--design", str(file), "--out", str(out)]
    found = CliRunner().invoke(app, [*command, "--json"])
    assert found.exit_code == 0, found.output
    table = json.loads(found.stdout)["power_fisher"]
    assert "30 + 15" in table["index"]
    row = table["data"][table["index"].index("30 + 15")]
    expected = Design(TESTS["fisher"], 30, 15, 0.07).power(0.5, 0.15)
    assert row[table["columns"].index(0.15)] == pytest.approx(float(expected))


def test_figures_draw_in_grey_as_well():
    figure = heat_map(pd.DataFrame([[0.1, 0.9]], columns=[1, 2]), "x", "y", "power", 0.5)
    texts = {text.get_text() for text in figure.axes[0].texts}
    assert texts == {"10", "90"}
    assert len(risk_curves(RISKS, 42, "ATRA").axes[0].lines) == 4


@pytest.mark.slow
def test_without_the_mechanism_timing_changes_nothing():
    truth = TruePopulation(DESIGN.truth)
    null = risk_by_day(DESIGN, truth, [0, 7], [40, 44], 8, fixed={"suppression": 0.0})
    for risk in null.treated:
        assert risk == pytest.approx(null.control, abs=1e-9)
    real = risk_by_day(DESIGN, truth, [0, 7], [40, 44], 8)
    assert (real.treated < real.control).all()


@pytest.mark.slow
def test_a_sample_after_the_pulse_teaches_what_one_before_the_next_does_not():
    table = sampling_information(
        DESIGN,
        load_model("myeloid_lymphoid"),
        {"none": (), "21": (0.0, 21.0), "3": (0.0, 3.0), "both": (0.0, 3.0, 21.0)},
    )
    effect = table["max_differentiation"]
    assert effect["21"] - effect["none"] < 0.02
    assert effect["3"] - effect["none"] > 0.1
    assert effect["both"] >= effect["3"]
    assert (table["nats"].diff().dropna()[["both"]] > 0).all()
