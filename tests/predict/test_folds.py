"""Folds of the value before treatment in patients: whose, from which records, and forecasts."""

import numpy as np
import pandas as pd
import pytest

import lymphokin as lk
from lymphokin.endpoints import Endpoint
from lymphokin.infer.density import density_of
from lymphokin.infer.weights import weighted_quantile
from lymphokin.io import Cohort
from lymphokin.io.visits import endpoint_visits
from lymphokin.model import ModelError
from lymphokin.predict import Forecast, forecast, seen_ranges
from lymphokin.predict.forecast import days_of_interest
from lymphokin.predict.windows import last_sums, of_values, start_of_treatment, windows_of

LESIONS = '''
"""Lesions that grow alike, and lose a share of their size to every fraction."""

import jax.numpy as jnp

from lymphokin.model import Block, Flow, Output, state

begins = "first record"


class Lesions(Block):
    size = state("mm", lambda p: p.size, per="lesion")
    shows = {"diameter": Output("mm", "diameter of a lesion", decimals=0)}

    def flows(self, y, p, u):
        return {"size": Flow(p.growth * y.size, 0.0)}

    def on_fraction(self, y, p, fraction):
        return {"size": jnp.where(fraction.gy > 0, 0.5, 1.0) * y.size}

    def outputs(self, y, p, u):
        return {"diameter": y.size}


blocks = (Lesions(),)
'''
SIZE, BETWEEN, GROWTH, MM, SHARE = 30.0, 0.5, 0.01, 2.0, 0.08
TABLE = f"""
[parameters.size]
symbol = "V"
meaning = "Diameter of a lesion at the first record"
unit = "mm"
transform = "log"
median = {SIZE}
population_sd = 1e-3
between_lesion_sd = {BETWEEN}
source = "a test"
certainty = "fixed"

[parameters.growth]
symbol = "g"
meaning = "Growth of a lesion"
unit = "1/d"
transform = "log"
median = {GROWTH}
population_sd = 0
between_subject_sd = 0
source = "a test"
certainty = "fixed"

[residuals.diameter]
distribution = "normal"
error = "combined"
sd = {MM}
proportional_sd = {SHARE}
source = "a test"
certainty = "fixed"
"""


def fold(**keys: object) -> Endpoint:
    declared = {"name": "smaller", "meaning": "x", "quantity": "diameter", "what": "fold"}
    declared |= {"from": "first_fraction", "day": 84, "lesions": "outside", "above": 0.7}
    return Endpoint.model_validate(declared | keys)


CD8 = {"quantity": "cd8", "lesions": None, "above": None, "below": 1.0, "day": 42}


def cohort_of(
    records: list[tuple[object, ...]],
    fractions: tuple[tuple[object, ...], ...] = (("A", 0, 1), ("A", 1, 1)),
    doses: tuple[tuple[object, ...], ...] = (),
    lesions: int = 3,
) -> Cohort:
    """Patients with records (id, day, lesion, value, lower limit, upper limit)."""
    words = lk.load_model("abscopal_cd8").vocabulary
    seen = pd.DataFrame(records, columns=["id", "day", "lesion", "value", "lower", "upper"])
    seen = seen.assign(quantity=np.where(seen["lesion"] > 0, "diameter", "cd8"))
    given = pd.DataFrame(fractions, columns=["id", "day", "lesion"]).assign(prescribed_gy=8.0)
    names = dict.fromkeys([*given["id"], *seen["id"]])
    return Cohort(
        pd.DataFrame({"n_lesions": lesions}, index=pd.Index(list(names), name="id")),
        given,
        pd.DataFrame(doses, columns=["id", "day", "drug", "amount_mg"]),
        seen.assign(censored=seen["lower"].notna()),
        vocabulary=words,
    )


def record(day: float, lesion: int, value: float, *limits: float) -> tuple[object, ...]:
    lower, upper = limits or (np.nan, np.nan)
    return "A", day, lesion, value, lower, upper


def observed(cohort: Cohort, endpoint: Endpoint) -> float | None:
    window = windows_of(cohort, endpoint)["A"]
    if window.observed is None:
        return None
    return float(of_values(endpoint, np.log(window.observed), window)[0][0])


def test_a_fold_is_that_of_the_last_record_before_treatment_and_the_one_next_to_the_day():
    cells = [(-14.0, 50), (-3.0, 40), (36.0, 10), (41.0, 20), (46.0, 30)]
    cohort = cohort_of([record(day, 0, value) for day, value in cells])
    assert observed(cohort, fold(**CD8)) == pytest.approx(20 / 40)
    assert observed(cohort, fold(**CD8, **{"from": "last_fraction"})) == pytest.approx(20 / 40)
    assert observed(cohort, fold(**CD8 | {"day": 60})) is None
    # A record under the drug is none of the time before treatment.
    cohort = cohort_of(
        [record(day, 0, value) for day, value in cells], doses=(("A", -5, "atra", 270.0),)
    )
    assert start_of_treatment(cohort)["A"] == -5
    assert observed(cohort, fold(**CD8)) == pytest.approx(20 / 50)


def test_lesions_are_summed_each_with_its_own_records():
    rows = [record(-3, n, v) for n, v in ((1, 40), (2, 20), (3, 10))] + [record(-9, 3, 9)]
    rows += [record(84, 1, 12), record(84, 2, 18), record(88, 3, 6)]
    cohort = cohort_of(rows)
    assert observed(cohort, fold()) == pytest.approx(24 / 30)
    assert observed(cohort, fold(lesions="irradiated")) == pytest.approx(12 / 40)
    window = windows_of(cohort, fold())["A"]
    assert window.visits.tolist() == [-3, -3, 84, 88]
    assert (window.used_before, window.known_on) == (84, 88)
    np.testing.assert_allclose(last_sums(cohort, fold(), 85.0), [18 + 10])
    # One of them was not measured: what the others show is not the sum.
    assert observed(cohort_of(rows[:-1]), fold()) is None
    assert last_sums(cohort_of([rows[0], rows[1]]), fold(), 0.0).isna().all()


@pytest.mark.parametrize(
    ("level", "after", "expected"),
    [
        (0.7, [(5, 0, 5), (16,)], 21 / 30),  # at most 0.7, which is a response
        (0.69, [(5, 0, 5), (16,)], None),  # 0.53 to 0.7
        (0.5, [(5, 0, 5), (16,)], 21 / 30),
        (0.9, [(40, 40, np.inf), (16,)], 56 / 30),
        (2.0, [(40, 40, np.inf), (16,)], None),
        (None, [(5, 0, 5), (16,)], 21 / 30),  # a number without an event counts at the limit
        (None, [(40, 40, np.inf), (16,)], None),
    ],
)
def test_limits_settle_a_fold_only_where_all_between_them_lies_on_one_side(level, after, expected):
    rows = [record(-3, 2, 20), record(-3, 3, 10)]
    rows += [record(84, n, value[0], *value[1:]) for n, value in zip((2, 3), after, strict=True)]
    found = observed(cohort_of(rows), fold(above=level))
    assert found is None if expected is None else found == pytest.approx(expected, rel=2e-5)
    if expected is not None and level is not None:
        window = windows_of(cohort_of(rows), fold(above=level))["A"]
        _, happens = of_values(fold(above=level), np.log(window.observed), window)
        assert happens[0] == (expected > level)


def test_who_has_no_such_lesion_has_nothing_to_judge():
    rows = [record(-3, 1, 20), record(84, 1, 10)]
    window = windows_of(cohort_of(rows, lesions=1), fold())["A"]
    assert window.observed is None
    assert window.outputs("diameter") == []
    # Without any fraction there is no field to lie outside of.
    untreated = cohort_of([("B", *row[1:]) for row in rows], lesions=1)
    assert windows_of(untreated, fold())["B"].outputs("diameter") == []
    every = cohort_of(rows, fractions=(("A", 0, 0),), lesions=1)
    assert windows_of(every, fold(lesions="irradiated"))["A"].outputs("diameter") == ["diameter_1"]


@pytest.fixture(scope="module")
def forecasts(tmp_path_factory):
    """Four patients with an irradiated lesion: with two outside, measured before treatment and not;
    measured on the day, too; and with none outside."""
    folder = tmp_path_factory.mktemp("lesions")
    (folder / "lesions.py").write_text(LESIONS)
    (folder / "lesions.toml").write_text(TABLE)
    model = lk.load_model(folder / "lesions.py")
    rows = ["ID,TIME,EVID,CMT,AMT,LESION,DVID,DV,N_LESIONS"]
    for name, count in {"both": 3, "before": 3, "nothing": 3, "alone": 1}.items():
        size = [(-4, n, v) for n, v in ((1, 50), (2, 40), (3, 18)) if n <= count]
        later = [(84, n, v) for n, v in ((1, 12), (2, 52), (3, 24))]
        if name == "nothing":
            size = size[:1]
        own = [(day, f"0,,,{n},diameter,{v}") for day, n, v in size + later * (name == "both")]
        own += [(0, "1,rt,8,1,,")]
        rows += [f"{name},{day},{row},{count}" for day, row in sorted(own)]
    (folder / "events.csv").write_text("\n".join(rows) + "\n")
    cohort = lk.read_events(folder / "events.csv", model=model)

    def forecast_of(endpoint: Endpoint, counts_until: float | None = None) -> Forecast:
        density = density_of(model, cohort, days=days_of_interest(cohort, endpoint))
        z = np.zeros((150, len(density.hierarchy.quantities)))
        seen = seen_ranges(cohort, endpoint_visits(cohort))
        return forecast(
            density,
            z,
            in_fit=False,
            seen=seen,
            synthetic=True,
            endpoint=endpoint,
            counts_until=counts_until,
        )

    return forecast_of


def test_measured_folds_scatter_as_two_measurements_with_errors_do(forecasts):
    """Beside a plain simulation of sizes and their errors, kept where they agree with the record
    before treatment."""
    table = forecasts(fold(above=2.0)).patients
    rng = np.random.default_rng(0)
    size = SIZE * np.exp(BETWEEN * rng.standard_normal((400_000, 2)))
    grown = size * np.exp(GROWTH * 88)

    def sd(value):
        return np.hypot(MM, SHARE * value)

    def measured(value):
        return np.maximum(np.round(value + sd(value) * rng.standard_normal(value.shape)), 1.0)

    planned = size * np.exp(GROWTH * 4)
    without = measured(grown).sum(axis=1) / measured(planned).sum(axis=1)
    even = np.full(len(size), 1 / len(size))
    log_density = -0.5 * ((np.array([40, 18]) - size) / sd(size)) ** 2 - np.log(sd(size))
    weight = np.exp(log_density.sum(axis=1))
    known = measured(grown).sum(axis=1) / 58
    for name, number, weights in (
        ("nothing", without, even),
        ("before", known, weight / weight.sum()),
        ("both", known, weight / weight.sum()),  # what was measured on the day is to come
    ):
        row = table.loc[name]
        for q in (5, 25, 50, 75, 95):
            expected = weighted_quantile(number, weights, q / 100)
            # 12,000 measurements of 3,000 draws: the ends have a standard error of 1 %.
            assert row[f"smaller_measured_q{q:02d}"] == pytest.approx(expected, rel=0.03)
        assert row["p_smaller_measured"] == pytest.approx(weights @ (number > 2.0), abs=0.03)
        # All lesions grow alike, so that everybody's true fold is the same.
        assert row["smaller_true_q05"] == pytest.approx(np.exp(GROWTH * 84), rel=1e-4)
        assert row["smaller_true_q95"] == pytest.approx(np.exp(GROWTH * 84), rel=1e-4)
        assert row["p_smaller_true"] == pytest.approx(1.0)
    assert table.loc["both", "observed_smaller"] == pytest.approx(76 / 58)
    assert table["observed_smaller"].notna().sum() == 1


def test_a_fold_that_was_measured_is_what_is_shown_and_nobodys_lesions_are_left_blank(forecasts):
    found = forecasts(fold(), counts_until=84.0)
    row = found.patients.loc["both"]
    assert row["smaller_measured_q05"] == row["smaller_measured_q95"] == pytest.approx(76 / 58)
    assert row["n_counts_used"] == 6
    blank = found.patients.loc["alone"].filter(like="smaller")
    assert len(blank) == 13
    assert blank.isna().all()
    (said,) = [w for w in found.warnings if "no lesion" in w]
    assert said == (
        "1 patient(s) have no lesion outside the field, which smaller is about: alone; their "
        "numbers are left blank"
    )
    shown = found._repr_html_()
    assert "nan" not in shown
    assert "true fold" in shown
    assert said in shown
    inside = forecasts(fold(lesions="irradiated")).patients
    assert inside["smaller_true_q50"].notna().all()
    assert inside.loc["alone", "smaller_true_q50"] == pytest.approx(0.5 * np.exp(GROWTH * 84), 1e-4)


def test_what_the_model_does_not_follow_is_refused(forecasts):
    for keys, said in (
        ({"quantity": "alc", "lesions": None}, "found quantity alc, expected what model lesions"),
        ({"lesions": None}, "expected lesions irradiated or outside, as diameter is of every"),
    ):
        with pytest.raises(ModelError, match=said):
            forecasts(fold(**keys))
