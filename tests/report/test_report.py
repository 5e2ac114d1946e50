"""The report: one page that stands alone, says what it must, and survives odd cohorts."""

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest

from lymphokin.model import load_model
from lymphokin.report import ReportContents, render_report, write_report
from lymphokin.report.curves import pulses
from tests.report.made_up import QUANTILES, Page, made_up


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


@pytest.mark.usefixtures("unwritten_pictures")
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


@pytest.mark.usefixtures("unwritten_pictures")
def test_a_single_arm_without_the_drug_has_a_report_of_what_it_has() -> None:
    contents = made_up(["only"], ["observation"], mdsc=False)
    patients = contents.patients.assign(
        observed_alc=np.nan, observed_grade2=None, endpoint_day=np.nan, pareto_k=np.nan
    )
    cohort = replace(contents.cohort, fractions=contents.cohort.fractions.iloc[:0])
    model = load_model("friberg_lymphocyte")
    bare = replace(
        contents,
        cohort=cohort,
        patients=patients,
        curves=contents.curves.isel(patient=slice(0)),
        contrast=contents.contrast.iloc[:0],
        parameters=contents.parameters.iloc[:1],
        parameter_draws={},
        counts_until=None,
        observables=model.observables,
    )
    page = Page(render_report(bare))
    assert "no count at the endpoint visit" in page.text
    for word in ("ATRA", "MDSC", "γ", "suppression", "contrast"):
        assert word not in page.text, word
    shown = {a["id"] for t, a in page.elements if t == "h2"}
    assert not shown & {"contrast", "measurements"}


@pytest.mark.usefixtures("unwritten_pictures")
def test_what_the_model_could_say_but_nobody_measured_is_said() -> None:
    words = Page(
        render_report(replace(made_up(["a"], ["SBRT+ATRA"], mdsc=False), levels=None))
    ).text
    assert "No MDSC sample" in words
    assert "No ATRA level" in words


@pytest.mark.usefixtures("unwritten_pictures")
@pytest.mark.parametrize(
    ("sd", "scatter", "misread"), [(0.18, "about 18 %", "25"), (0.4, "a factor of about 1.5", "38")]
)
def test_the_scatter_of_counts_is_that_of_the_fit(
    trial: ReportContents, sd: float, scatter: str, misread: str
) -> None:
    residual = load_model("friberg_lymphocyte").table.residuals["alc"]
    fitted = replace(residual, sd=sd, distribution="normal", error="log_normal")
    words = Page(render_report(replace(trial, residuals={"alc": fitted}))).text
    assert f"a single count typically scatters by {scatter} around the true one" in words
    # ln(0.795 / 0.90) / sd is -0.689 and -0.310: standard normal tails 0.245 and 0.378
    assert f"a true count of 0.90 is reported below 0.80 {misread} times in 100" in words


@pytest.mark.usefixtures("unwritten_pictures")
def test_missing_forecasts_and_arms_are_shown_as_unknown() -> None:
    contents = made_up(["a", "b"], [None, "SBRT"])
    risks = ["p_grade2_measured", "p_grade2_q05", "p_grade2_q95", *[f"alc_{q}" for q in QUANTILES]]
    patients = contents.patients.copy()
    patients.loc[0, risks] = np.nan
    words = Page(render_report(replace(contents, patients=patients))).text
    assert "unstated arm" in words
    assert "nan" not in words.lower().split()


@pytest.mark.usefixtures("unwritten_pictures")
def test_a_trial_of_one_arm_without_the_drug_speaks_of_no_arms() -> None:
    one = made_up(["a", "b"], [None, None], mdsc=False)
    page = Page(render_report(replace(one, contrast=one.contrast.iloc[:0])))
    parameters = page.text.index("What the data taught")  # gamma's meaning names MDSC
    for word in (" arm", "Arm", "ATRA", "MDSC"):
        assert word not in page.text[:parameters], word
    assert "of 2 patients with 2 chains" in page.text


@pytest.mark.usefixtures("unwritten_pictures")
def test_what_nobody_measured_is_said_to_be_seen_through_the_counts() -> None:
    one = made_up(["a"], ["SBRT+ATRA"], mdsc=False)
    parameters = one.parameters.assign(learnt=["well", "not measured"])
    words = Page(render_report(replace(one, parameters=parameters))).text
    assert "γ was not measured here: it is seen only through lymphocytes and ATRA." in words
    assert "they are seen only through lymphocytes and ATRA" in words


@pytest.mark.usefixtures("unwritten_pictures")
def test_what_needs_care_is_said_first(trial: ReportContents) -> None:
    patients = trial.patients.assign(
        pareto_k=[0.9, 0.1, 0.1], extrapolation=["", "BSA above 2.4 m2", ""]
    )
    words = Page(
        render_report(replace(trial, patients=patients, warnings=("Chain 2 was stuck.",)))
    ).text
    summary = words.index("The model myeloid_lymphoid")
    for line in (
        "Chain 2 was stuck.",
        "The forecast of P01 is unreliable: this patient’s",
        "1 patient outside",
    ):
        assert words.index(line) < summary
    assert "BSA above 2.4 m2" in words


@pytest.mark.usefixtures("unwritten_pictures")
def test_counts_used_are_named(trial: ReportContents) -> None:
    for until, words in {
        0.0: "up to the first fraction",
        21.0: "own counts up to day 21",
        None: "all of that patient’s own counts before that visit",
    }.items():
        assert words in Page(render_report(replace(trial, counts_until=until))).text


@pytest.mark.usefixtures("unwritten_pictures")
def test_a_large_cohort_shows_part_of_its_panels_and_says_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lymphokin.report.panels.MOST_PANELS", 4)
    monkeypatch.setattr("lymphokin.report.page._FOREST_ROWS", 3)
    ids = [f"P{i:02d}" for i in range(16)]
    contents = made_up(ids, ["SBRT", "SBRT+ATRA"] * 8, mdsc=False)
    said = tuple(f"line {i}: a slip" for i in range(20))
    patients = contents.patients.assign(pareto_k=0.9)
    page = Page(render_report(replace(contents, patients=patients, warnings=said)))
    assert "4 of 16 patients are shown: in each arm every 4th in the order of risk" in page.text
    # Risks rise with the number; the even ones are in the first arm.
    shown = [label[8:11] for label in page.labels() if label.startswith("Patient P")]
    assert shown == ["P00", "P08", "P01", "P09"]
    for patient in ids:
        assert patient in page.words
    assert "SBRT: the 3 highest risks of 8" in page.text
    assert "SBRT: risks 4 to 6 of 8" in page.text
    assert "P08, P09 and 6 more are unreliable: their counts" in page.text
    assert "line 19: a slip" in page.text
    closed = page.text.index("10 more")
    assert page.text.index("line 11") < closed < page.text.index("line 12")


@pytest.mark.slow
def test_a_cohort_of_500_is_a_page_that_can_be_used() -> None:
    contents = made_up([f"P{i:03d}" for i in range(500)], ["SBRT", "SBRT+ATRA"] * 250)
    text = render_report(contents)
    assert len(text.encode()) < 3_000_000
    assert sum(label.startswith("Patient P") for label in Page(text).labels()) == 168


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
