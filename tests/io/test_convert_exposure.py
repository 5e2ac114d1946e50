"""What a row of drug exposure means: drug or placebo, route, frequency, end, amount."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lymphokin.io.convert.mapping_defaults import DEFAULTS
from lymphokin.io.convert.treatment_names import INERT, OTHER, UNCLEAR, WANTED, Names, holds
from tests.io.cdisc_study import DM, EX_COLUMNS, account, done, doses, refused


def ex(treatment: str = "ATRA", amount: object = 140, unit: str = "mg", often: str = "BID",
       route: str = "ORAL", start: str = "2026-03-02", end: str = "2026-03-04",
       who: str = "X-1", number: int = 1) -> str:  # fmt: skip
    cells = (who, number, treatment, amount, unit, often, route, start, end)
    return ",".join(map(str, cells)) + "\n"


NAMES = Names.of(DEFAULTS["atra"])


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        *((name, INERT) for name in (
            "ATRA PLACEBO", "PLACEBO FOR TRETINOIN", "Placebo to match ATRA", "ATRA-PBO",
            "PLACEBO (TRETINOIN)", "TRETINOIN PLACEBO CAPSULE", "Double dummy ATRA", "ATRA plb")),
        *((name, OTHER) for name in (
            "PLACEBO", "ISOTRETINOIN", "ATRACURIUM", "ATRASENTAN", "ALITRETINOIN",
            "9-CIS-RETINOIC ACID", "DEXAMETHASONE")),
        *((name, WANTED) for name in (
            "ATRA", "Tretinoin (ATRA) capsules", "all-trans retinoic acid", "VESANOID 10 MG")),
        *((name, UNCLEAR) for name in ("ATRA/PLACEBO", "ATRA OR PBO", "Placebo + ATRA")),
    ],
)  # fmt: skip
def test_a_treatment_is_known_by_whole_words_of_its_name(name, kind):
    assert NAMES.kind(name) == kind


def test_a_placebo_is_no_drug_and_is_listed(tmp_path):
    conversion = done(tmp_path, ex=EX_COLUMNS + ex("ATRA PLACEBO") + ex("ISOTRETINOIN"))
    assert doses(conversion) == []
    assert "ATRA PLACEBO" in account(conversion)
    assert "ISOTRETINOIN taken as another drug" in account(conversion)


@pytest.mark.parametrize("name", ["ATRA HELD", "ATRA - not given", "Tretinoin (omitted)"])
def test_a_treatment_that_was_not_given_is_no_dose(name, tmp_path):
    refused(tmp_path, "line 2", "EXTRT", "[atra.treatments]", ex=EX_COLUMNS + ex(name))
    conversion = done(tmp_path, ex=EX_COLUMNS + ex(name, amount=""))
    assert doses(conversion) == []
    assert f"not given: {name}" in account(conversion)


def test_a_placebo_row_of_amount_0_is_no_dose(tmp_path):
    assert doses(done(tmp_path, ex=EX_COLUMNS + ex("ATRA", 0) + ex("PLACEBO", 0))) == []


def test_a_name_of_both_drug_and_placebo_is_asked_for(tmp_path):
    name = "ATRA/PLACEBO"
    refused(tmp_path, "ex.csv", "line 2", "EXTRT", name, "[atra.treatments]",
            ex=EX_COLUMNS + ex(name))  # fmt: skip
    stated = f'[atra.treatments]\n"{name}" = '
    assert len(doses(done(tmp_path, stated + '"yes"', ex=EX_COLUMNS + ex(name)))) == 6
    assert doses(done(tmp_path, stated + '"placebo"', ex=EX_COLUMNS + ex(name))) == []


words = st.text(st.characters(categories=("L",), max_codepoint=0x17F), min_size=1, max_size=6)


@given(words, words, st.sampled_from(["ATRA", "tretinoin", "all-trans retinoic acid"]))
def test_names_are_found_as_whole_words_and_never_inside_others(before, after, name):
    names = ["ATRA", "TRETINOIN", "ALL-TRANS RETINOIC ACID"]
    assert holds(f"{before} {name}; {after}", names)
    inside = f"{before}{name}{after}".replace(" ", "x").replace("-", "x")
    assert not holds(inside, names)


def test_the_names_of_left_out_treatments_are_listed(tmp_path):
    conversion = done(tmp_path, ex=EX_COLUMNS + ex("DEXAMETHASONE") + ex("ATRA10"))
    text = account(conversion)
    assert "another treatment than ATRA: ATRA10, DEXAMETHASONE" in text
    assert "ATRA10 taken as another drug" in text


@pytest.mark.parametrize(
    ("name", "route"),
    [("TRETINOIN", "TOPICAL"), ("TRETINOIN", "CUTANEOUS"), ("TRETINOIN CREAM 0.05 %", "")],
)
def test_what_is_not_taken_by_mouth_is_left_out_and_reported(name, route, tmp_path):
    conversion = done(tmp_path, ex=EX_COLUMNS + ex(name, route=route))
    assert doses(conversion) == []
    assert "not taken by mouth" in account(conversion)


def test_a_cream_that_is_said_to_be_swallowed_is_asked_for(tmp_path):
    refused(tmp_path, "EXROUTE", "line 2: found ORAL", ex=EX_COLUMNS + ex("TRETINOIN CREAM"))


def test_another_route_is_asked_for_and_none_is_assumed_and_reported(tmp_path):
    rows = EX_COLUMNS + ex(route="INTRAVENOUS")
    refused(tmp_path, "EXROUTE", "INTRAVENOUS", "[atra] routes", ex=rows)
    conversion = done(tmp_path, '[atra]\nroutes = ["INTRAVENOUS"]', ex=rows)
    assert len(doses(conversion)) == 6
    conversion = done(tmp_path, ex=EX_COLUMNS + ex(route=""))
    assert len(doses(conversion)) == 6
    assert "the route is not stated: taken as oral" in account(conversion)


def test_amounts_per_body_surface_are_multiplied_with_that_of_each_patient(tmp_path):
    rows = "".join(
        ex("ATRA", 150, "mg/m2", "QD", end="2026-03-02", who=who) for who in ("X-1", "X-2")
    )
    conversion = done(tmp_path, ex=EX_COLUMNS + rows)
    assert doses(conversion, "X-1") == [(0, pytest.approx(270))]
    assert doses(conversion, "X-2") == [(0, pytest.approx(300))]
    assert "mg/m2 times the body surface area" in account(conversion)
    for area in ("", "180", "0.18"):
        changed = DM.replace(",1.8\n", f",{area}\n")
        refused(tmp_path, "dm.csv" if area else "ex.csv", ex=EX_COLUMNS + rows, dm=changed)


@given(st.floats(0.6, 3.0).map(lambda x: round(x, 2)), st.integers(20, 100))
@settings(max_examples=4)
def test_an_amount_per_body_surface_is_proportional_to_it(tmp_path, area, amount):
    rows = ex("ATRA", amount, "mg/m2", "ONCE", end="2026-03-02")
    conversion = done(tmp_path, ex=EX_COLUMNS + rows, dm=DM.replace(",1.8\n", f",{area}\n"))
    assert doses(conversion) == [(0, pytest.approx(area * amount))]


@pytest.mark.parametrize(
    ("often", "days"),
    [
        ("QD", [0, 1, 2]), ("BID", [0, 0.5, 1, 1.5, 2, 2.5]), ("QOD", [0, 2]), ("QW", [0]),
        ("Q8H", [n / 3 for n in range(9)]),
    ],
)  # fmt: skip
def test_a_frequency_spaces_the_doses_of_a_period(often, days, tmp_path):
    given_ = doses(done(tmp_path, ex=EX_COLUMNS + ex(often=often)))
    assert [day for day, _ in given_] == pytest.approx(days, abs=1e-4)


@pytest.mark.parametrize("often", ["", "PRN", "ONCE", "2/day"])
def test_a_period_without_a_frequency_that_is_understood_is_asked_for(often, tmp_path):
    refused(tmp_path, "line 2", "EXDOSFRQ", ex=EX_COLUMNS + ex(often=often))


def test_a_frequency_left_blank_is_that_of_the_mapping(tmp_path):
    conversion = done(tmp_path, '[atra]\nfrequency = "QD"', ex=EX_COLUMNS + ex(often=""))
    assert len(doses(conversion)) == 3
    assert "no frequency: taken as QD" in account(conversion)


@pytest.mark.parametrize(
    ("start", "end", "often", "number"),
    [
        ("2026-03-02T20:00", "2026-03-04T08:00", "BID", 4),  # evening to morning
        ("2026-03-02T08:00", "2026-03-04T20:00", "BID", 6),
        ("2026-03-02T09:00", "2026-03-04T08:30", "QD", 3),  # the last a little early
        ("2026-03-02T00:00", "2026-03-04T23:59", "QD", 3),  # imputed clocks
        ("2026-03-02T08:00", "2026-03-04", "BID", 6),
    ],
)
def test_clock_times_of_start_and_end_count_the_doses_between(start, end, often, number, tmp_path):
    conversion = done(tmp_path, ex=EX_COLUMNS + ex(often=often, start=start, end=end))
    assert len(doses(conversion)) == number


def test_an_open_end_is_asked_for_and_may_be_the_last_exposure(tmp_path):
    rows = EX_COLUMNS + ex(end="")
    refused(tmp_path, "ex.csv", "line 2", "EXENDTC", "[atra] open_end", ex=rows)
    one = done(tmp_path, '[atra]\nopen_end = "single_day"', ex=rows)
    assert [day for day, _ in doses(one)] == [0, 0.5]
    last = done(tmp_path, '[atra]\nopen_end = "last_exposure"', ex=rows)
    assert len(doses(last)) == 2 * 9  # to 2026-03-10, RFXENDTC
    assert "no end of the period" in account(last)
    without = DM.replace("2026-03-10", "")
    refused(tmp_path, "RFXENDTC", mapping='[atra]\nopen_end = "last_exposure"', ex=rows, dm=without)


def test_the_duration_of_a_period_is_an_end(tmp_path):
    columns = EX_COLUMNS.strip() + ",EXDUR\n"
    conversion = done(tmp_path, ex=columns + ex(end="").strip() + ",P1W\n")
    assert len(doses(conversion)) == 14


def test_a_row_without_end_and_frequency_is_a_single_dose_and_reported(tmp_path):
    conversion = done(tmp_path, ex=EX_COLUMNS + ex(often="", end=""))
    assert doses(conversion) == [(0, 140)]
    assert "taken as a single dose" in account(conversion)


def test_a_total_of_the_day_is_compared_with_the_single_doses(tmp_path):
    columns = EX_COLUMNS.strip() + ",EXDOSTOT\n"

    def rows(amount, total):
        return columns + ex(amount=amount).strip() + f",{total}\n"

    assert doses(done(tmp_path, ex=rows(140, 280)))[0] == (0, 140)
    assert doses(done(tmp_path, ex=rows("", 280)))[0] == (0, 140)
    refused(tmp_path, "EXDOSTOT", "dose of a day or a single one", ex=rows(280, 280))


def test_a_unit_of_capsules_is_what_the_mapping_says(tmp_path):
    rows = EX_COLUMNS + ex(amount=14, unit="CAPSULE")
    refused(tmp_path, "EXDOSU", "CAPSULE", '[atra.units] CAPSULE = "10 mg"', ex=rows)
    conversion = done(tmp_path, '[atra.units]\nCapsule = "10 mg"', ex=rows)
    assert doses(conversion)[0] == (0, 140)


@pytest.mark.parametrize("unit", ["mg/m2/week", "mg/kg", "mL", ""])
def test_an_amount_in_another_unit_is_refused(unit, tmp_path):
    refused(tmp_path, "line 2", "EXDOSU", ex=EX_COLUMNS + ex(unit=unit))


OFTEN = {"QD": 1, "BID": 2, "TID": 3, "Q6H": 4}


@given(st.sampled_from(sorted(OFTEN)), st.sampled_from(["mg", "g", "mcg"]),
       st.sampled_from(["", "/m2", "/kg"]), st.booleans(), st.integers(40, 400))  # fmt: skip
@settings(max_examples=8)
def test_an_amount_a_day_or_per_body_is_what_one_dose_holds(tmp_path, often, mg, per, a_day, dose):
    """mg, mg/m2, mg/kg, each once or a day, are the same milligrams for the patient."""
    size = {"": 1, "/m2": 1.8, "/kg": 72.0}[per]
    single = {"mg": 1, "g": 1000, "mcg": 0.001}[mg] * size / (OFTEN[often] if a_day else 1)
    rows = EX_COLUMNS + ex("ATRA", f"{dose / single:.9f}", mg + per + "/day" * a_day, often)
    dm = DM.replace("BSABL", "BSABL,WEIGHTBL").replace(",1.8\n", ",1.8,72\n")
    given_doses = doses(done(tmp_path, ex=rows, dm=dm.replace(",2.0\n", ",2.0,80\n")))
    assert given_doses == [
        (pytest.approx(n / OFTEN[often], abs=1e-4), pytest.approx(dose, rel=1e-6))
        for n in range(3 * OFTEN[often])
    ]


def test_an_amount_a_day_needs_a_dose_on_every_day(tmp_path):
    refused(
        tmp_path,
        "EXDOSFRQ",
        "a dose on every day",
        ex=EX_COLUMNS + ex("ATRA", 140, "mg/day", "QOD"),
    )
    rows = EX_COLUMNS + ex("ATRA", 280, "mg/day", "BID")
    assert "the amount of a day (EXDOSU) divided by the doses of the day" in account(
        done(tmp_path, ex=rows)
    )


@pytest.mark.parametrize(
    ("weight", "reported"), [("", "WEIGHTBL"), ("7", "`body_weight`"), ("72000", "400 kg")]
)
def test_an_amount_per_kilogram_needs_a_weight_in_kilograms(tmp_path, weight, reported):
    dm = DM.replace("BSABL", "BSABL,WEIGHTBL").replace(",1.8\n", f",1.8,{weight}\n")
    refused(
        tmp_path,
        reported,
        ex=EX_COLUMNS + ex("ATRA", 2, "mg/kg"),
        dm=dm.replace(",2.0\n", ",2.0,80\n"),
    )


def test_two_rows_of_one_time_are_strengths_or_repeats_as_the_mapping_says(tmp_path):
    rows = EX_COLUMNS + ex(amount=100) + ex(amount=40, number=2)
    refused(tmp_path, "EXSTDTC", "[atra] same_time", ex=rows)
    added = done(tmp_path, '[atra]\nsame_time = "add"', ex=rows)
    assert doses(added) == [(n / 2, 140) for n in range(6)]
    first = done(tmp_path, '[atra]\nsame_time = "first"', ex=rows)
    assert doses(first) == [(n / 2, 100) for n in range(6)]


def test_rows_that_differ_in_their_sequence_number_are_not_repeats(tmp_path):
    refused(tmp_path, "[atra] same_time", ex=EX_COLUMNS + ex(number=1) + ex(number=2))
    same = done(tmp_path, ex=EX_COLUMNS + ex(number=1) + ex(number=1))
    assert len(doses(same)) == 6
    assert "the same in every column" in account(same)
    columns = EX_COLUMNS.replace("EXSEQ,", "")
    bare = re.sub(r"^X-1,1,", "X-1,", ex())
    assert "without EXSEQ" in account(done(tmp_path, ex=columns + bare + bare))


def test_drug_in_a_placebo_arm_is_refused_and_none_in_a_drug_arm_is_reported(tmp_path):
    arms = DM.replace("X-1,SBRT,", "X-1,SBRT + placebo,").replace("X-2,SBRT,", "X-2,SBRT + ATRA,")
    refused(tmp_path, "ex.csv", "arm SBRT + placebo", ex=EX_COLUMNS + ex(), dm=arms)
    reported = account(done(tmp_path, ex=EX_COLUMNS + ex("ATRA PLACEBO"), dm=arms))
    assert "1 subject(s) of an arm with ATRA have no dose of it: X-2" in reported


PC = "USUBJID,PCTESTCD,PCORRES,PCORRESU,PCSTRESN,PCSTRESU,PCSPEC,PCDTC\n"


def test_a_level_needs_a_clock_time_and_doses_without_one_are_reported(tmp_path):
    pc = (
        PC
        + "X-1,TRETIN,412,ng/mL,412,ng/mL,PLASMA,2026-03-02\n"
        + (
            "X-1,TRETIN,203,ng/mL,203,ng/mL,PLASMA,2026-03-03T11:00\n"
            "X-1,TRETIN,9,ng/mL,9,ng/mL,URINE,2026-03-03T12:00\n"
        )
    )
    conversion = done(tmp_path, ex=EX_COLUMNS + ex(), pc=pc)
    levels = conversion.cohort.observations.query("quantity == 'atra'")
    assert levels["value"].tolist() == [203]
    reported = account(conversion)
    assert "a level without a clock time" in reported
    assert "not a specimen of plasma: URINE" in reported
    assert "no clock time: doses counted from midnight of the day" in reported
