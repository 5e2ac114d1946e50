"""The interim look at a run: who stands where, pulses to come, and the whole way."""

import json
from dataclasses import replace

import jax
import numpy as np
import pytest
import xarray as xr
from scipy import stats

from lymphokin.cli import app
from lymphokin.dose import reference_immune_dose
from lymphokin.io import Cohort, write_events
from lymphokin.io.problems import BadInput
from lymphokin.model import Model, load_model
from lymphokin.population import Hierarchy, pack
from lymphokin.shipped import data_path
from lymphokin.trial.interim import evaluable, look_at, standing, with_planned_pulses
from lymphokin.trial.interim.future import FutureArm
from lymphokin.trial.synthetic import SyntheticTrial
from lymphokin.trial.virtual import VirtualDesign
from tests.conftest import SHORT, fit_and_save

DESIGN = VirtualDesign.read(data_path("nct06439888.design.toml"))
RUN_IN = ["S001"]


def of_arms(design: VirtualDesign, n: int) -> VirtualDesign:
    return replace(design, analysis=replace(design.analysis, n_control=n, n_treated=n))


def known_until(cohort: Cohort, patients: list[str], day: float) -> Cohort:
    """The cohort as if some patients had only come to ``day``."""
    observed, doses = cohort.observations, cohort.doses
    late = observed["id"].isin(patients) & (observed["day"] > day)
    future = doses["id"].isin(patients) & (doses["day"] > day)
    return replace(cohort, observations=observed[~late], doses=doses[~future])


@pytest.fixture(scope="module")
def cohort(small_trial: SyntheticTrial) -> Cohort:
    ids = list(small_trial.cohort.patients.index)
    return known_until(small_trial.cohort, ids[-3:], 24.0)


@pytest.fixture(scope="module")
def run_so_far(cohort: Cohort, tmp_path_factory: pytest.TempPathFactory):
    """A fit of what is known at the interim look."""
    folder = tmp_path_factory.mktemp("interim")
    table = folder / "synthetic_so_far.csv"
    write_events(cohort, table, ["SYNTHETIC DATA"])
    return fit_and_save(table, folder / "run", **SHORT)


def test_patients_stand_where_their_records_say(small_trial: SyntheticTrial, cohort: Cohort):
    table = standing(cohort, DESIGN, left_out=RUN_IN)
    assert (table["arm"].value_counts() == 3).all()
    assert list(table["status"][-3:]) == ["in follow-up"] * 3
    assert (table["evaluable"][-3:].between(0.85, 0.99)).all()
    assert set(table["status"][:-3]) <= {"event", "no event"}
    assert (table["followed"][-3:] <= 24).all()
    whole = standing(small_trial.cohort, DESIGN, left_out=RUN_IN)
    assert not (whole["status"] == "in follow-up").any()


def test_lost_patients_and_missed_windows_are_missing(small_trial: SyntheticTrial, cohort: Cohort):
    last = cohort.patients.index[-1]
    table = standing(cohort, DESIGN, lost=[last], left_out=RUN_IN)
    assert table["status"][last] == "missing"
    assert table["evaluable"][last] == 0
    observed = small_trial.cohort.observations
    due = float(table["planned_day"][last])
    near = (observed["id"] == last) & (observed["day"] - due).abs().le(7)
    without = replace(small_trial.cohort, observations=observed[~near])
    assert standing(without, DESIGN, left_out=RUN_IN)["status"][last] == "missing"


def test_pulses_to_come_are_those_of_the_design(small_trial: SyntheticTrial, cohort: Cohort):
    table = standing(cohort, DESIGN, left_out=RUN_IN)
    planned = with_planned_pulses(cohort, table, DESIGN)
    kept = planned.doses.sort_values(["id", "day"]).reset_index(drop=True)
    full = small_trial.cohort.doses.sort_values(["id", "day"]).reset_index(drop=True)
    assert kept["id"].tolist() == full["id"].tolist()
    assert kept["day"].to_numpy() == pytest.approx(full["day"].to_numpy())
    assert kept["amount_mg"].to_numpy() == pytest.approx(full["amount_mg"].to_numpy())


def test_who_has_an_endpoint_follows_the_design():
    sure = replace(
        DESIGN,
        truth=replace(
            DESIGN.truth,
            design={**DESIGN.plan, "drop_out_probability": 0.5, "missing_visit_probability": 0.0},
        ),
        conduct=replace(DESIGN.conduct, drop_out_days=(0.0, 100.0)),
    )
    # Half leave, uniformly over 100 days: of 50, 25 have left by day 50.
    assert evaluable(sure, 50.0, 0.0) == pytest.approx(0.75)
    assert evaluable(sure, 50.0, 30.0) == pytest.approx(0.75 / 0.85)
    assert evaluable(sure, 50.0, 60.0) == pytest.approx(1.0)


def test_a_cohort_without_two_arms_is_refused(cohort: Cohort):
    with pytest.raises(BadInput, match="S999"):
        standing(cohort, DESIGN, left_out=["S999"])
    one = cohort.select(cohort.patients.index[cohort.patients["arm"] == "SBRT+ATRA"])
    with pytest.raises(BadInput, match="two arms"):
        standing(one, DESIGN)


SHIFTS = np.linspace(-0.5, 0.5, 6)
"""What each draw adds to the latents of the patients' own baselines."""


class TypicalDraws:
    """Stands in for a fit of `hedos_hcc` whose draws differ in the patients' baselines alone, all
    of them low.
    """

    def __init__(self, cohort: Cohort) -> None:
        self.hierarchy = Hierarchy(load_model("hedos_hcc"))
        self.summary = list(self.hierarchy.quantities)
        self.arrays = pack(self.model, cohort).arrays
        drawn = self.hierarchy.draw_latents(jax.random.key(4), self.arrays)
        low = drawn.population.at[0].set(-1.5)
        self.latents = drawn._replace(population=low, subject=0.3 * drawn.subject)
        effects = [p.name for p in self.hierarchy.subject_effects]
        self.baseline = effects.index("lymphocyte_baseline")
        kept = {name: np.asarray(part) for name, part in self.latents._asdict().items()}
        latents = xr.Dataset(
            {
                name: (
                    ("chain", "draw", *(f"{name}_{i}" for i in range(part.ndim))),
                    np.broadcast_to(part, (2, 3, *part.shape)).copy(),
                )
                for name, part in kept.items()
            }
        )
        latents["subject"][:, :, self.baseline] += SHIFTS.reshape(2, 3, 1)
        self.draws = xr.DataTree.from_dict({"latents": latents})

    @property
    def model(self) -> Model:
        return self.hierarchy.model

    def risk_by_hand(self, cohort: Cohort, patient: str, day: float, shift: float) -> float:
        """The one pool of the model step by step, and Student's or the normal tail from SciPy."""
        population = self.hierarchy.population(self.latents.population)
        subject = self.latents.subject.at[self.baseline].add(shift)
        latents = self.latents._replace(subject=subject)
        p, _ = self.hierarchy.individuals(population, latents, self.arrays)
        place = cohort.patients.index.get_loc(patient)
        rest, rate, kill, scale = (
            float(np.broadcast_to(np.asarray(value), len(cohort))[place])
            for value in (p.lymphocyte_baseline, p.recovery_rate, p.radiosensitivity,
                          p.immune_dose_scale)
        )  # fmt: skip
        fractions = reference_immune_dose(cohort).fractions.query("id == @patient")
        count, before = rest, 0.0
        for at, dose in fractions[["day", "immune_dose_gy"]].itertuples(index=False):
            count = rest - (rest - count) * np.exp(-rate * (at - before))
            count, before = count * np.exp(-kill * scale * dose), at
        count = rest - (rest - count) * np.exp(-rate * (day - before))
        sd = float(np.asarray(population.residual_sd["alc"]).ravel()[0])
        residual = self.model.table.residuals["alc"]
        tail = (
            stats.norm()
            if residual.distribution == "normal"
            else stats.t(residual.degrees_of_freedom)
        )
        return float(tail.cdf((np.log(0.795) - np.log(count)) / sd))


def test_a_look_forecasts_who_is_in_follow_up_and_counts_the_others(cohort: Cohort, monkeypatch):
    def to_come(_design, _model, z, n_control, n_treated, _seed) -> tuple[FutureArm, FutureArm]:
        """Of patients who are to come, every control patient has the event and no treated one."""
        return tuple(
            FutureArm(np.full((len(z), n), risk), np.full((len(z), n), 50.0))
            for n, risk in ((n_control, 1.0), (n_treated, 0.0))
        )  # type: ignore[return-value]

    monkeypatch.setattr("lymphokin.trial.interim.run.future_patients", to_come)
    fit = TypicalDraws(cohort)
    design = replace(DESIGN, analysis=replace(DESIGN.analysis, n_treated=5, n_control=4))
    look = look_at(fit, cohort, design, left_out=RUN_IN, draws=6)  # type: ignore[arg-type]
    table = standing(cohort, design, left_out=RUN_IN)
    assert look.patients["status"].equals(table["status"])
    assert look.to_come == (1, 2)
    waiting = look.patients[look.patients["status"] == "in follow-up"]
    assert len(waiting) == 3
    for patient, row in waiting.iterrows():
        day = row["planned_day"]
        by_hand = [fit.risk_by_hand(cohort, str(patient), day, shift) for shift in SHIFTS]
        found, ends = row["risk"], row[["risk_q05", "risk_q95"]].tolist()
        assert found == pytest.approx(np.mean(by_hand), rel=2e-3)  # the solver's error in the tail
        assert ends == pytest.approx(np.quantile(by_hand, (0.05, 0.95)), rel=2e-3)
        assert max(by_hand) > 1.1 * min(by_hand)
    assert waiting["risk"].between(0.02, 0.98).any()
    known = look.patients[look.patients["status"] != "in follow-up"]
    assert known["risk"].isna().all()
    # Expected events at the end: those seen, of those waiting and to come the risk times the
    # chance of an endpoint.
    chance = float(evaluable(design, 50.0, 0.0))
    for i, arm in enumerate(("control", "treated")):
        own = look.patients[look.patients["arm"] == arm]
        own_waiting = own[own["status"] == "in follow-up"]
        expected = (own["status"] == "event").sum()
        expected += (own_waiting["risk"] * own_waiting["evaluable"]).sum()
        expected += chance * look.to_come[i] * (arm == "control")
        events = look.predictive.final_events[i]
        assert events @ np.arange(len(events)) == pytest.approx(expected)


@pytest.mark.slow  # fits a trial
def test_when_every_endpoint_is_known_the_result_is_certain(small_run):
    look = look_at(
        small_run.fit, small_run.fit.cohort, of_arms(DESIGN, 3), left_out=RUN_IN, draws=10
    )
    assert look.predictive.probability in (0.0, 1.0)
    assert look.error == 0
    assert look.to_come == (0, 0)


@pytest.mark.slow
def test_patients_in_follow_up_are_forecast_and_the_others_simulated(run_so_far):
    design = of_arms(DESIGN, 5)
    look = look_at(run_so_far.fit, run_so_far.cohort, design, left_out=RUN_IN, draws=60)
    assert look.to_come == (2, 2)
    assert 0 < look.predictive.probability < 1
    assert look.error > 0
    waiting = look.patients[look.patients["status"] == "in follow-up"]
    assert waiting["risk"].between(0, 1).all()
    assert (waiting["risk_q05"] <= waiting["risk_q95"]).all()
    again = look_at(run_so_far.fit, run_so_far.cohort, design, left_out=RUN_IN, draws=60)
    assert np.array_equal(look.predictive.success, again.predictive.success)


@pytest.mark.slow
def test_the_command_says_it_all(small_run, tmp_path):
    from typer.testing import CliRunner

    found = CliRunner().invoke(
        app,
        ["trial", "interim", str(small_run.folder), "--leave-out", "S001", "--json"],
    )
    assert found.exit_code == 0, found.output
    result = json.loads(found.stdout)["as fitted"]
    assert result["arms"]["control"]["to_come"] == 23
    assert sum(result["arms"]["treated"]["final_events"]) == pytest.approx(1)
