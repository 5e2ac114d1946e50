"""What a model says of lesions, and what is refused of it in one message."""

from dataclasses import replace

import numpy as np
import pytest
from scipy import stats

import lymphokin as lk
from lymphokin.infer.density import density_of
from lymphokin.model import Block, Flow, ModelError, Output, state
from lymphokin.pages.equations import equations
from lymphokin.population import pack


class Tumour(Block):
    size = state("cm3", lambda p: p.first_size, per="lesion")
    memory = state("1")
    shows = {"volume": Output("cm3", "volume of a lesion"), "burden": Output("cm3", "of all")}

    def flows(self, y, p, u):
        total = u.sum_over_lesions(y.size)
        return {"size": Flow(p.growth * y.size, 0.0), "memory": Flow(total, 1.0)}

    def on_fraction(self, y, p, fraction):
        return {"size": (0.5 + 0.5 / (1 + fraction.gy)) * y.size}

    def outputs(self, y, p, u):
        return {"volume": y.size, "burden": u.sum_over_lesions(y.size)}


def made(*blocks: Block, **growth):
    words = {"symbol": "k", "meaning": "of the test", "source": "none", "certainty": "fixed"}
    words |= {"transform": "log", "median": 1.0}
    parameters = {
        "first_size": {**words, "unit": "cm3"},
        "growth": {**words, "unit": "1/d", "median": 0.02, **growth},
    }
    error = {"distribution": "normal", "sd": 0.1, "source": "none", "certainty": "fixed"}
    table = {"parameters": parameters, "residuals": {"volume": error, "burden": error}}
    return lk.make_model("tumour", blocks, table, begins="first record")


def test_what_is_computed_of_lesions_differs_until_it_is_summed():
    model = made(Tumour())
    assert model.lesion_outputs == {"volume"}
    assert model.observables["volume"].per_lesion
    assert not model.observables["burden"].per_lesion
    printed = {line.left: line.right for line in equations(model)}
    assert printed["burden"] == "sum over lesions(size)"
    assert printed["size at a fraction"] == "(0.5 + 0.5 / (1 + gy)) * size"


class FlowOfOne(Tumour):
    def flows(self, y, p, u):
        return super().flows(y, p, u) | {"memory": Flow(y.size, 1.0)}


class DoseOfOne(Tumour):
    def on_fraction(self, y, p, fraction):
        return {"memory": y.memory + fraction.gy}


class PerOrgan(Tumour):
    size = state("cm3", 1.0, per="organ")


class ByHours(Tumour):
    clock = "hours"


class Reader(Block):
    other = state("1")

    def flows(self, y, p, u):
        return {"other": Flow(u.volume, 1.0)}


@pytest.mark.parametrize(
    ("blocks", "growth", "message"),
    [
        (
            [FlowOfOne()],
            {},
            "FlowOfOne.memory is a state of the patient, but its flow differs from",
        ),
        ([DoseOfOne()], {}, "memory is a state of the patient, but its value after a fraction"),
        ([Tumour(), Reader()], {}, "Reader.other is a state of the patient, but its flow differs"),
        ([PerOrgan()], {}, "state 'size' is per 'organ': expected \"lesion\", or nothing"),
        ([ByHours()], {}, "block ByHours has states per lesion, which need the days clock"),
        (
            [Tumour()],
            {"between_lesion_log_sd": 0.2},
            "parameters.growth: between_lesion_log_sd needs between_lesion_sd",
        ),
        (
            [Tumour()],
            {"outside_effect": -1.0},
            "parameters.growth: outside_effect needs between_lesion_sd",
        ),
        (
            [Tumour()],
            {"between_lesion_sd": 0.2, "between_occasion_sd": 0.2},
            "parameters.growth: between_lesion_sd and between_occasion_sd exclude each other",
        ),
        ([Tumour()], {"between_lesion_sd": -0.2}, "between_lesion_sd must not be negative"),
    ],
)
def test_what_cannot_be_is_refused_by_name(blocks, growth, message):
    with pytest.raises(ModelError, match=message.replace("(", r"\(")):
        made(*blocks, **growth)


TABLE = """ID,TIME,EVID,CMT,AMT,LESION,DVID,DV,N_LESIONS
P1,0,0,,,1,volume,2,3
P1,0,0,,,3,volume,4,3
P1,0,1,rt,8,2,,,3
"""


@pytest.fixture
def read(tmp_path):
    def of(text: str, model=None):
        path = tmp_path / "table.csv"
        path.write_text(text)
        return lk.read_events(path, model=model or made(Tumour()))

    return of


def test_observations_of_lesions_are_read_written_and_read_again(read, tmp_path):
    cohort = read(TABLE)
    assert cohort.observations["lesion"].tolist() == [1, 3]
    lk.write_events(cohort, tmp_path / "copy.csv")
    again = lk.read_events(tmp_path / "copy.csv", model=made(Tumour()))
    assert again.observations["lesion"].tolist() == [1, 3]
    assert again.fractions["lesion"].tolist() == [2]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ("P1,1,0,,,4,volume,2,3", ("LESION", "4", "up to the patient's number of lesions")),
        ("P1,1,0,,,,volume,2,3", ("LESION", "", "the number of the lesion that was measured")),
        ("P1,1,0,,,1,alc,2,3", ("LESION", "1", "a blank: the quantity is of the patient")),
        ("P1,1,0,,,1.5,volume,2,3", ("LESION", "1.5", "the number of a lesion")),
        ("P1,0,0,,,1,volume,2,3", ("TIME", "0", "one observation per patient, time, DVID and LES")),
    ],
)
def test_each_wrong_lesion_is_one_message_with_its_place(read, row, expected):
    at = {"P1,0": 3}.get(row[:4], 4)
    lines = TABLE.splitlines()
    with pytest.raises(lk.BadInput) as refused:
        read("\n".join([*lines[:at], row, *lines[at:]]) + "\n")
    (problem,) = refused.value.problems
    column, value, words = expected
    assert (problem.row, problem.column, problem.value) == (at + 1, column, value)
    assert words in problem.expected


def test_a_cohort_made_without_the_model_is_refused_where_its_lesions_are_wrong(read):
    cohort = read(TABLE)
    nowhere = cohort.observations.assign(lesion=[0, 3])
    with pytest.raises(lk.BadInput, match="1 to 3, as volume is"):
        pack(made(Tumour()), replace(cohort, observations=nowhere))


def test_lesions_that_are_not_there_add_nothing(read):
    """One patient with one lesion has the same density alone and beside one with twelve."""
    model = made(Tumour(), between_lesion_sd=0.5)
    one = "P1,0,0,,,1,volume,2,1\nP1,0,1,rt,8,,,,1\nP1,9,0,,,1,volume,4,1\n"
    many = [f"P2,0,0,,,{i},volume,2,12\n" for i in range(1, 13)]
    header = TABLE.splitlines(keepends=True)[0]
    found = []
    for text in (header + one, header + one + "".join(many)):
        density = density_of(model, read(text, model))
        x = np.array(density.centre)
        x[-density.arrays.lesions.patient.shape[0]] = 0.7  # of the first lesion of the first
        (part,) = density.evaluate(x[None], density.arrays)
        found.append(part.own_log_density[0, 0])
    assert found[1] == pytest.approx(found[0], rel=1e-12)
    assert np.isnan(part.outputs["volume_12"][0, :, 0]).all()
    alone = part.outputs["volume_1"][0, :, 0]
    np.testing.assert_allclose(part.outputs["burden"][0, :, 0], alone, rtol=1e-12)
    # Given its own values a lesion grows and shrinks in closed form.
    seen = np.array([2.0, 4.0])
    size = np.array([1.0, (0.5 + 0.5 / 9) * np.exp(9 * 0.02 * np.exp(0.5 * 0.7))])
    expected = stats.norm.logpdf(np.log(seen), np.log(size), 0.1).sum() - 0.5 * 0.7**2
    assert found[0] == pytest.approx(expected, rel=1e-8)


@pytest.mark.long
def test_lesions_are_fitted_each_with_its_own_rate(read, tmp_path):
    spread = {"between_lesion_sd": 0.5, "between_lesion_log_sd": 0.3, "population_sd": 0.4}
    model = made(Tumour(), **spread, certainty="proposed prior")
    rates = {("P1", 1): 0.005, ("P2", 1): 0.01, ("P2", 2): 0.04}
    rows = [
        f"{patient},{day},0,,,{lesion},volume,{np.exp(rate * day):.4g},2\n"
        for day in (0, 20, 40)
        for (patient, lesion), rate in rates.items()
    ]
    cohort = read("ID,TIME,EVID,CMT,AMT,LESION,DVID,DV,N_LESIONS\n" + "".join(sorted(rows)), model)
    fit = lk.fit(cohort, model, method="quick", seed=1)
    assert "growth_between_lesion_sd" in list(fit.summary["name"])
    growth = fit.draws["individuals"]["growth"].mean(("chain", "draw"))
    assert growth.sel(lesion="P2/2") == pytest.approx(0.04, rel=0.1)
    assert growth.sel(lesion="P1/1") < 0.01
    assert "lesion" in fit.draws["latents"]
    assert {"volume_1_q50", "volume_2_q50"} <= set(fit.curves[0].data_vars)


def test_a_table_without_the_column_of_lesions_is_asked_for_it(read):
    text = "ID,TIME,EVID,CMT,AMT,DVID,DV\nP1,0,0,,,volume,2\n"
    with pytest.raises(lk.BadInput, match="a column LESION beside it"):
        read(text)


def test_the_target_volume_is_shared_by_the_lesions_that_are_irradiated(read):
    power = {"form": "power", "reference": 20.0, "exponent": 1.0, "exponent_sd": 0.1}
    power |= {"source": "none"}
    model = made(Tumour(), covariates={"PTV_PER_LESION_CM3": power})
    table = TABLE.replace("N_LESIONS", "N_LESIONS,PTV_CM3").replace(",3\n", ",3,40\n")
    table += "P2,0,0,,,1,volume,2,2,40\nP2,0,1,rt,8,,,,2,40\n"  # a blank LESION is every lesion
    arrays = pack(model, read(table, model)).arrays
    (per_lesion,) = arrays.regressors.values()
    assert np.exp(per_lesion) * 20 == pytest.approx([40, 20])


class ByVolume(Tumour):
    def on_fraction(self, y, p, fraction):
        return {"size": y.size / (1 + fraction.gy / fraction.volume_cm3)}


VOLUMES = """ID,TIME,EVID,CMT,AMT,LESION,LESION_CM3,DVID,DV,N_LESIONS
A,-1,0,,,1,,volume,1,3
A,-1,0,,,2,30,volume,1,3
A,0,1,rt,8,1,4,,,3
A,0,1,rt,8,2,30,,,3
A,1,0,,,1,4,volume,1,3
A,1,0,,,2,,volume,1,3
A,1,0,,,3,,volume,1,3
"""


def test_the_volume_of_a_lesion_reaches_what_a_fraction_does(tmp_path):
    model = made(ByVolume())
    assert model.reads_volumes
    assert not made(Tumour()).reads_volumes
    table = tmp_path / "events.csv"
    table.write_text(VOLUMES)
    cohort = lk.read_events(table, model=model)
    lk.write_events(cohort, tmp_path / "again.csv")
    again = lk.read_events(tmp_path / "again.csv", model=model)
    assert again.lesions.equals(cohort.lesions)
    packed = pack(model, again)
    density = density_of(model, again)
    _, _, _, solution = density.likelihood.solution(density.start(), packed.arrays)
    node = packed.layout.node(packed.arrays.timeline, 0, 1.0)
    grown = np.exp(0.02 * 2.0)
    expected = grown * np.array([1 / (1 + 8 / 4), 1 / (1 + 8 / 30), 1.0])
    np.testing.assert_allclose(solution.outputs["volume"][node, :, 0], expected, rtol=1e-5)
    without = replace(cohort, lesions=cohort.lesions.iloc[:1])
    with pytest.raises(lk.BadInput, match="LESION_CM3: expected the volume of every irradiated"):
        pack(model, without)
    table.write_text(VOLUMES.replace("A,1,0,,,1,4,", "A,1,0,,,1,5,").replace("1,,vol", "1,-2,vol"))
    with pytest.raises(lk.BadInput) as refused:
        lk.read_events(table, model=model)
    assert "the same volume in all records of a lesion" in str(refused.value)
    assert "a volume above 0 cm3" in str(refused.value)
