"""One patient's questions as functions: the numbers that people read, and the words around them."""

import re

import numpy as np
import pytest
from scipy import stats

import lymphokin as lk
from lymphokin.io import BadInput
from lymphokin.model import load_model
from lymphokin.whatif import what_if as module
from lymphokin.whatif.answers import (
    Comparators,
    Curves,
    Difference,
    Estimate,
    Fan,
    Given,
    GradeRisk,
    Judged,
    Quantiles,
    Risk,
    ScheduleAnswer,
)
from lymphokin.whatif.in_words import difference_in_words, headline, risk_rows
from lymphokin.whatif.judging import SIX_WEEKS, in_words
from lymphokin.whatif.schedule import schedule_of

GRADE_2 = in_words(SIX_WEEKS, load_model("myeloid_lymphoid"))
GIVEN = Given(drug="atra", label="ATRA", unit="mg", amount=2700)
COUNTS = [(-7, 1.30), (-1, 1.05)]


@pytest.fixture
def patient(engine, monkeypatch) -> lk.Patient:
    monkeypatch.setattr(module, "engine_of", lambda *_: engine)
    return lk.Patient(site="lung_peripheral", n_lesions=2, counts=COUNTS)


def risks_of_draws(engine, patient, schedule, plan) -> np.ndarray:
    """[draw] risk of grade >= 2 as measured, by the distribution of SciPy."""
    log_count = np.asarray(engine.solve(patient, schedule, plan, 3600).at)[0, -1]
    residual = engine.population.model.table.residuals["alc"]
    return stats.t.cdf((np.log(0.795) - log_count) / residual.sd, residual.degrees_of_freedom)


@pytest.mark.parametrize(
    ("a", "b"), [("5x10", "5x10 + 3x3"), ("5x10 + 3x3", "3x6"), ("8x10", "3x6")]
)
def test_headline_and_verdict_name_the_schedule_with_the_smaller_risk(engine, patient, a, b):
    result = lk.what_if(None, patient, a, b)
    plan = schedule_of(a)
    risk_a, risk_b = (risks_of_draws(engine, patient, schedule_of(s), plan) for s in (a, b))
    found = result.answer.difference
    # Risks are rounded to whole numbers of 100.
    assert found.p == pytest.approx((risk_a - risk_b).mean(), abs=0.011)
    assert found.low <= found.p <= found.high
    smaller, larger = ("a", "b") if risk_a.mean() < risk_b.mean() else ("b", "a")
    assert found.verdict in (smaller, "unclear")
    if ("+" in a) != ("+" in b):
        assert "nobody has seen in people" in str(found.assumption)
        assert found.probability_a_better is found.probability_b_better is None
    else:
        better = found.model_dump()
        assert better[f"probability_{smaller}_better"] >= better[f"probability_{larger}_better"]
    change = f" {abs(found.of_100)} {'fewer' if smaller == 'b' else 'more'} of 100 "
    clear = found.verdict == smaller
    assert (change if clear else "no clear difference in the risk") in result.headline
    assert change in str(result)


def test_every_number_of_a_difference_stands_where_it_is_named():
    difference = Difference(
        p=0.07, low=0.02, high=0.17, of_100=7, verdict="b", probability_a_better=0.0,
        probability_b_better=0.64, better_by=0.05, assumption=None,
    )  # fmt: skip
    assert (
        headline(difference, GRADE_2) == "B instead of A: 7 fewer of 100 patients with grade >= 2"
    )
    words = difference_in_words(difference, GRADE_2)
    assert "B instead of A: 7 fewer of 100 (90 % interval 2 fewer to 17 fewer)" in words
    assert "lower by 5 of 100 or more has probability < 1 % under A, 64 % under B" in words
    turned = difference.model_copy(update={"of_100": -7, "verdict": "a"})
    assert headline(turned, GRADE_2) == "B instead of A: 7 more of 100 patients with grade >= 2"
    unclear = difference.model_copy(update={"low": -0.02, "verdict": "unclear"})
    assert (
        headline(unclear, GRADE_2)
        == "B instead of A: no clear difference in the risk of grade >= 2"
    )
    assert "90 % interval 2 more to 17 fewer" in difference_in_words(unclear, GRADE_2)
    equal = unclear.model_copy(update={"of_100": 0})
    assert "B instead of A: 0 of 100" in difference_in_words(equal, GRADE_2)
    assert headline(difference.model_copy(update={"verdict": "same"}), GRADE_2).endswith(
        "same risk of grade >= 2"
    )
    assumed = difference.model_copy(update={"assumption": "This rests on hope"})
    assert difference_in_words(assumed, GRADE_2).endswith(
        "(90 % interval 2 fewer to 17 fewer). This rests on hope."
    )


def risk_from(first: int) -> Risk:
    """Risks in which no two numbers are alike: of grade >= 2 as measured ``first`` of 100."""

    def estimate(number: int) -> Estimate:
        return Estimate(
            p=number / 100, low=(number - 4) / 100, high=(number + 9) / 100, of_100=number
        )

    grades = {
        f"grade{grade}": GradeRisk(measured=estimate(first - down), true=estimate(first - down - 3))
        for grade, down in ((2, 0), (3, 10), (4, 20))
    }
    counts = (first / 100 + np.array([0.1, 0.3, 0.6, 0.8, 1.2])).tolist()
    names = ("q05", "q25", "q50", "q75", "q95")
    return Risk(alc=Quantiles(**dict(zip(names, counts, strict=True))), **grades)


def test_every_risk_of_a_schedule_stands_beside_what_it_is():
    fitted, zero = (
        Comparators(planned=risk_from(a), no_drug=risk_from(b), no_treatment=risk_from(c))
        for a, b, c in ((34, 46, 29), (48, 53, 27))
    )
    empty = Fan(q05=[], q25=[], q50=[], q75=[], q95=[])
    numbers = [getattr(fitted, n).grade2.measured for n in ("planned", "no_drug", "no_treatment")]
    judged = Judged(planned=numbers[0], no_drug=numbers[1], no_treatment=numbers[2],
                    without_link=zero.planned.grade2.measured, window=(46, 46),
                    spread=None)  # fmt: skip
    answer = ScheduleAnswer(
        judged=judged, assumption=None,
        endpoint_day=46, total_gy=50, bed10_gy=100, eqd2_10_gy=83.3, bed3_gy=216.7, eqd2_3_gy=130,
        immune_dose_gy=1.6, given=[GIVEN], fitted=fitted, gamma_zero=zero, drivers=[],
        curves=Curves(alc=empty, alc_measured=empty, others={}, alc_no_drug_q50=[],
                      alc_no_treatment_q50=[]),
    )  # fmt: skip
    rows = {
        "grade >= 2, measured": "34 (30 to 43)",
        "grade >= 2, true count": "31 (27 to 40)",
        "grade >= 3, measured": "24 (20 to 33)",
        "grade 4, measured": "14 (10 to 23)",
        "without ATRA": "46 (42 to 55)",
        "without treatment": "29 (25 to 38)",
        "with gamma = 0": "48 (44 to 57)",
        "count at the visit (90 %)": "0.94 (0.44-1.54)",
        "visit on day": "46",
    }
    assert risk_rows(answer, GRADE_2) == rows
    without_link = answer.model_copy(update={"gamma_zero": None})
    assert risk_rows(without_link, GRADE_2).keys() == rows.keys() - {"with gamma = 0"}


def test_words_and_objects_ask_the_same_and_a_notebook_shows_it(engine, patient):
    words = lk.what_if(None, patient, "5x10", "5x10 + 3x3")
    objects = lk.what_if(None, patient, schedule_of("5x10"), schedule_of("5x10 + 3x3"))
    assert words.answer.a == objects.answer.a
    assert words.answer.b == objects.answer.b
    b = words.answer.b  # n d (1 + d / (alpha/beta)), over 1 + 2 / (alpha/beta)
    assert (b.endpoint_day, b.total_gy) == (46, 50.0)
    assert (b.bed10_gy, b.eqd2_10_gy, b.bed3_gy, b.eqd2_3_gy) == (100.0, 83.3, 216.7, 130.0)
    assert [(g.drug, g.amount) for g in b.given] == [("atra", 9 * 150 * 1.8)]
    html = words._repr_html_()
    for shown in (words.answer.a, words.answer.b):
        assert f"<td>{shown.fitted.planned.grade2.measured.of_100} (" in html
    assert words.headline.replace(">", "&gt;") in html
    assert "Research use only" in html
    assert "<script" not in html
    assert words.headline in str(words)


def test_the_risk_of_one_patient_is_that_of_the_comparison(engine, patient):
    risk = lk.predict_patient(None, patient, "5x10", next_counts=[14, 21])
    compared = lk.what_if(None, patient, "5x10", "3x6")
    assert risk.answer == compared.answer.a
    assert risk.conditioning == compared.answer.conditioning
    assert [row.day for row in risk.next_counts] == [14, 21]
    assert risk.provenance.title == "prior, no data"
    number = risk.answer.fitted.planned.grade2.measured.of_100
    assert re.search(rf"<td>{number} \(", risk._repr_html_())
    without = lk.predict_patient(None, lk.Patient(counts=[(60, 0.7)]), "5x10")
    assert without.next_counts == ()  # after the visit nothing is to come


def test_messages_speak_python(patient):
    with pytest.raises(BadInput, match="400 or 3600") as refused:
        lk.what_if(None, patient, "5x10", "3x18", draws=500)
    assert "--" not in str(refused.value)
    with pytest.raises(ValueError, match="expected COUNTxGY"):
        lk.what_if(None, patient, "5*10", "5x10")
    with pytest.raises(BadInput, match="fractions 5x999"):
        lk.what_if(None, patient, "5x999", "5x10")
    with pytest.raises(lk.BadInput, match="is not in 1e9/L"):
        lk.Patient(counts=[(-7, 1200)])


def test_a_population_is_found_in_a_fit_in_draws_and_nowhere_else(population):
    class Fitted:
        """Stands for a fit: it has a population."""

        @property
        def population(self):
            return population

    assert module.population_draws(population) is population
    assert module.population_draws(Fitted()) is population
    with pytest.raises(TypeError, match="open_run"):
        module.population_draws("runs/trial")
