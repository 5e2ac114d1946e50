"""Events in time: declared by a block, read from the table, and likely as closed forms have it."""

from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import lymphokin as lk
from lymphokin.model import Block, Flow, Hazard, ModelError, Output, state
from lymphokin.population import CohortLikelihood, Hierarchy, pack
from lymphokin.population.events import log_happened, simulate_events

RATE, GROWTH, DEATHS = 0.004, 0.01, 0.002
begins = "first record"


class Ageing(Block):
    """Gompertz: the hazard of a relapse grows as the tumour does; that of a death is constant."""

    size = state("1", 1.0)
    shows = {"marker": Output("1", "marker")}
    hazards = {
        "relapse": Hazard("relapse of the disease", "relapse"),
        "death": Hazard("death", exact=True),
    }

    def flows(self, y, p, u):
        return {"size": Flow(p.growth * y.size, 0.0)}

    def hazard_rates(self, y, p, u):
        return {"relapse": p.rate * y.size, "death": p.deaths}

    def outputs(self, y, p, u):
        return {"marker": y.size}


TABLE = """ID,TIME,EVID,CMT,AMT,DVID,DV
P1,0,0,,,marker,1
P1,30,0,,,relapse,0
P1,95,0,,,relapse,0
P1,140,0,,,relapse,1
P1,200,0,,,death,1
P2,10,0,,,marker,1
P2,300,0,,,relapse,1
P2,300,0,,,death,0
P3,0,0,,,relapse,.
P3,45,0,,,relapse,0
"""


def parameter(median, unit="1/d", **keys):
    words = {"symbol": "k", "meaning": "of the test", "source": "none", "certainty": "fixed"}
    return {**words, "unit": unit, "transform": "log", "median": median, **keys}


def made(block=None, **parameters):
    known = {"rate": RATE, "growth": GROWTH, "deaths": DEATHS}
    table = {name: parameter(value) for name, value in known.items()} | parameters
    error = {"distribution": "normal", "sd": 0.1, "source": "none", "certainty": "fixed"}
    return lk.make_model(
        "ageing",
        [block or Ageing()],
        {"parameters": table, "residuals": {"marker": error}},
        begins="first record",
    )


@pytest.fixture(scope="module")
def model():
    return made()


@pytest.fixture
def read(tmp_path, model):
    def of(text):
        path = tmp_path / "events.csv"
        path.write_text(text)
        return lk.read_events(path, model=model)

    return of


def survival(days, start):
    """Gompertz, from the first record on."""
    since = np.asarray(days, float) - start
    return np.exp(-RATE * np.expm1(GROWTH * since) / GROWTH)


def test_visits_and_exact_times_have_the_likelihood_of_survival_analysis(model, read, tmp_path):
    cohort = read(TABLE)
    assert not cohort.warnings
    packed = pack(model, cohort)
    likelihood = CohortLikelihood(Hierarchy(model))
    latents = likelihood.hierarchy.typical_latents(packed.arrays)
    of_patient, *_ = jax.jit(likelihood.by_patient)(latents, packed.arrays)
    s1, s2, s3 = survival([95, 140], 0), survival([300], 10), survival([45], 0)
    death = stats.expon(scale=1 / DEATHS)
    expected = [
        np.log(s1[0] - s1[1]) + death.logpdf(200),
        np.log(1 - s2[0]) + death.logsf(290),
        np.log(s3[0]),
    ]
    marker = [stats.norm.logpdf(0, 0, 0.1)] * 2 + [0.0]
    np.testing.assert_allclose(of_patient, np.add(expected, marker), rtol=1e-6)
    total = float(likelihood.total(latents, packed.arrays))
    assert total == pytest.approx(float(of_patient.sum()), rel=1e-12)
    until = packed.weighing(lambda rows: rows["day"] <= 100)  # what is known by then
    known, *_ = jax.jit(likelihood.by_patient)(latents, until)
    expected = np.add([np.log(s1[0]), 0.0, np.log(s3[0])], marker)
    np.testing.assert_allclose(known, expected, rtol=1e-6, atol=1e-12)
    lk.write_events(cohort, tmp_path / "again.csv")
    again = lk.read_events(tmp_path / "again.csv", model=model)
    assert again.observations.drop(columns="row").equals(cohort.observations.drop(columns="row"))


def test_simulated_events_are_seen_at_the_next_visit_as_often_as_they_happen(model, read):
    cohort = read(TABLE.replace("relapse,1", "relapse,0").replace("death,1", "death,0"))
    packed = pack(model, cohort)
    likelihood = CohortLikelihood(Hierarchy(model))
    latents = likelihood.hierarchy.typical_latents(packed.arrays)
    *_, solution = likelihood.solution(latents, packed.arrays)

    def drawn(key):
        records = simulate_events(model, solution, packed.arrays, key)["relapse"]
        return records.happened * records.weight, records.weight

    happened, looked = jax.jit(jax.vmap(drawn))(jax.random.split(jax.random.key(1), 4000))
    kept = np.concatenate([survival([0, 30, 95, 140], 0)[:3], [1.0], [1.0]])
    once = 1 - np.concatenate([survival([300], 10), survival([45], 0)])
    seen = np.concatenate([-np.diff(survival([0, 30, 95, 140], 0)), once])
    np.testing.assert_allclose(happened.mean(axis=0)[:5], seen, atol=0.025)  # 3 SDs of 4000
    np.testing.assert_allclose(looked.mean(axis=0)[:5], kept, atol=0.025)


def test_simulated_moments_are_those_of_the_hazard(model, read):
    """Of patients who die by the last record: an exponential that is cut there."""
    visits = "".join(f"P1,{day},0,,,marker,.\n" for day in range(0, 401, 2))
    cohort = read(f"ID,TIME,EVID,CMT,AMT,DVID,DV\n{visits}P1,400,0,,,death,0\n")
    packed = pack(model, cohort)
    likelihood = CohortLikelihood(Hierarchy(model))
    latents = likelihood.hierarchy.typical_latents(packed.arrays)
    *_, solution = likelihood.solution(latents, packed.arrays)
    node_day = np.asarray(packed.arrays.timeline.days.node_day)[:, 0]

    def drawn(key):
        records = simulate_events(model, solution, packed.arrays, key)["death"]
        return records.happened[0], records.place[0]

    happened, place = jax.jit(jax.vmap(drawn))(jax.random.split(jax.random.key(1), 4000))
    dead = np.asarray(happened) > 0
    by_then = -np.expm1(-DEATHS * 400)
    assert dead.mean() == pytest.approx(by_then, abs=0.025)
    moments = node_day[np.asarray(place)]
    assert (moments[~dead] == 400).all()
    cut = stats.truncexpon(400 * DEATHS, scale=1 / DEATHS)
    noise = np.random.default_rng(0).uniform(-1, 1, dead.sum())  # nodes are two days apart
    assert stats.kstest(moments[dead] + noise, cut.cdf).pvalue > 0.01


def test_the_probability_of_an_interval_keeps_its_digits():
    x = np.array([1e-14, 1e-6, 0.3, np.log(2), 1.0, 30.0, 700.0])
    expected = np.log(-np.expm1(-x))
    expected[5:] = -np.exp(-x[5:])
    np.testing.assert_allclose(log_happened(x), expected, rtol=1e-12)
    slope = jax.vmap(jax.grad(log_happened))(jnp.asarray(x[:6]))
    np.testing.assert_allclose(slope, 1 / np.expm1(x[:6]), rtol=1e-9)


WRONG = {
    "P1,140,0,,,relapse,2": r"DV: expected 1 \(it has happened\) or 0 .*\n    line 5: found 2",
    "P1,140,0,,,relapse,<1": r"DV: expected 1 \(it has happened\) or 0 .*\n    line 5: found <1",
    "P1,140,0,,,relaps,1": "expected one of marker, relapse, death, alc, mdsc, atra",
}


@pytest.mark.parametrize("row", WRONG)
def test_what_an_event_cannot_be_is_refused(read, row):
    with pytest.raises(lk.BadInput, match=WRONG[row]):
        read(TABLE.replace("P1,140,0,,,relapse,1", row))


def test_an_event_happens_once_and_after_the_start_and_all_is_said_at_once(read):
    text = TABLE.replace("P3,0,0,,,relapse,.", "P3,0,0,,,relapse,1")
    text = text.replace("P1,200,0,,,death,1", "P1,200,0,,,death,1\nP1,250,0,,,relapse,0")
    with pytest.raises(lk.BadInput) as refused:
        read(text)
    said = str(refused.value)
    assert "an event after the patient came to be at risk" in said
    once = said[said.index("it happens once") :]
    assert "line 7: found relapse" in once
    assert "line 12: found relapse" in once


class Ending(Ageing):
    hazards = {**Ageing.hazards, "death": Hazard("death", exact=True, ends_records=True)}


def test_nothing_is_measured_or_given_after_what_ends_the_records(tmp_path):
    path, model = tmp_path / "deaths.csv", made(Ending())
    later = ["P1,210,0,,,marker,1", "P1,230,1,atra,90,,", "P1,240,0,,,marker,."]
    path.write_text(TABLE + "P1,200,0,,,marker,1\n")
    assert len(lk.read_events(path, model=model).observations) == 11
    path.write_text(TABLE + "\n".join(later) + "\n")
    assert len(lk.read_events(path, model=made()).doses) == 1
    with pytest.raises(lk.BadInput) as refused:
        lk.read_events(path, model=model)
    said = str(refused.value).split("no measurement or dose after the patient's death = 1")[1]
    assert [f"line {n}: " in said for n in (12, 13, 14)] == [True, True, False]


class Undone(Ageing):
    def hazard_rates(self, y, p, u):
        return {"relapse": p.rate * (y.size - p.threshold), "death": p.deaths}


class Unsaid(Ageing):
    def hazard_rates(self, y, p, u):
        return {"relapse": p.rate * y.size * p.deaths}


class Hours(Ageing):
    clock = "hours"


class Named(Ageing):
    hazards = {"marker": Hazard("a name that is taken"), "death": "death"}


WRONG_BLOCKS = {
    Undone: r"a hazard is negative at plausible parameters: Undone.relapse has -\d.* at ",
    Unsaid: "hazard_rates lack 'death'",
    Hours: 'has hazards, which need clock = "days"',
    Named: r"hazards\['death'\] must be Hazard\(.*cannot be a word of DVID",
}


@pytest.mark.parametrize("block", WRONG_BLOCKS)
def test_a_hazard_that_cannot_be_is_refused_with_the_model(block):
    extra = {"threshold": parameter(0.9, "1", population_sd=0.4)} if block is Undone else {}
    with pytest.raises(ModelError, match=WRONG_BLOCKS[block]):
        made(block(), **extra)


def test_the_equations_of_a_model_show_the_hazard(model):
    from lymphokin.pages.equations import equations

    lines = {line.left: line.right for line in equations(model)}
    assert lines["d cumulative_relapse/dt"] == "k * size"


def test_a_model_without_hazards_has_no_events(model):
    assert replace(model, blocks=()).events == {}
    assert model.vocabulary.observable("relapse").event
    assert not model.vocabulary.observable("marker").event
