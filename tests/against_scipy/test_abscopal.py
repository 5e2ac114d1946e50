"""Antigen, activated CD8+ cells and lesions on top of the default model, against SciPy."""

from itertools import pairwise

import jax
import numpy as np
import oracle
import pytest
from scipy.integrate import solve_ivp

import lymphokin as lk
from lymphokin.dose import reference_immune_dose
from lymphokin.infer.density import density_of
from lymphokin.solve import StepRule

FRACTIONS = {
    "P1": [(0, 8, ""), (1, 8, ""), (2, 8, "")],
    "P2": [(0, 10, 1), (0.25, 4, 1), (9.5, 6, 1)],  # the second lies outside the field
    "P3": [(0, 12, 2), (0, 5, 3), (3.1, 5, 3), (40, 8, 1)],  # one after the other
    "P4": [(0.4, 20, 4)],
    "P5": [(day, 3, "") for day in (0, 1, 2, 3, 4, 7, 8, 9, 10, 11)],
    "P6": [],  # the drug alone
    "P7": [],  # untreated
}
LESIONS = {"P1": 1, "P2": 2, "P3": 3, "P4": 4, "P5": 5, "P6": 2, "P7": 2}
DRUG = {"P3": (-3, 6), "P5": (0, 1, 2, 21, 22, 23), "P6": (1, 2, 3)}
MG = 270
ABSENT = -60
"""Latent of the population at which a parameter on the log scale is as good as 0."""
FAST = 3
"""Latent of growth at which all lesions grow."""
DAYS = np.array([-5.0, 0.0, 2.0, 9.5, 20.0, 63.0, 90.0])


@pytest.fixture(scope="module")
def solve_at(tmp_path_factory):
    """The cohort, and a function from latents of the population, by name, to curves [day] of each
    patient; those not named are drawn from the prior, and nobody's drug kinetics differ."""
    rows = ["ID,TIME,EVID,CMT,AMT,LESION,DVID,DV,N_LESIONS"]
    for name, count in LESIONS.items():
        own = [(day, f"0,,,,alc,1.2,{count}") for day in DAYS]
        own += [(day, f"1,rt,{gy},{lesion},,,{count}") for day, gy, lesion in FRACTIONS[name]]
        own += [(day, f"1,atra,{MG},,,,{count}") for day in DRUG.get(name, ())]
        rows += [f"{name},{day},{row}" for day, row in sorted(own)]
    table = tmp_path_factory.mktemp("abscopal") / "events.csv"
    table.write_text("\n".join(rows) + "\n")
    model = lk.load_model("abscopal_cd8")
    cohort = lk.read_events(table, model=model)
    density = density_of(model, cohort, StepRule.for_tolerance(2e-7))
    hierarchy, arrays, layout = density.hierarchy, density.arrays, density.packed.layout
    drawn = hierarchy.draw_latents(jax.random.key(3), arrays)
    drawn = drawn._replace(treated=0 * drawn.treated, occasion=0 * drawn.occasion)
    program = jax.jit(density.likelihood.solution)

    def solved(**named):
        population = np.array(drawn.population)
        for name, latent in named.items():
            population[hierarchy.population_names.index(name)] = latent
        _, p, _, solution = program(drawn._replace(population=population), arrays)
        typical = {q.name: q.median for q in model.table}
        typical |= {n: float(v) for n, v in hierarchy.natural(population).items()}
        found = {}
        for patient, name in enumerate(LESIONS):
            values = dict(typical)
            for q in model.table:
                if hasattr(p, q.name) and q.name not in model.exposure_only:
                    value = np.asarray(getattr(p, q.name)) / q.per_day
                    values[q.name] = value[..., patient] if value.ndim else float(value)
            nodes = layout.nodes(arrays.timeline, patient, DAYS)
            curves = {n: np.asarray(y)[nodes, ..., patient] for n, y in solution.outputs.items()}
            curves["diameter"] = curves["diameter"][:, : LESIONS[name]]
            found[name] = values, curves
        return found

    return cohort, solved


@pytest.mark.long
@pytest.mark.parametrize(
    ("method", "tolerance"),
    [("LSODA", 1e-12), pytest.param("Radau", 1e-10, marks=pytest.mark.slow)],
)
def test_counts_activated_cells_and_lesions_are_those_of_scipy(solve_at, method, tolerance):
    """LSODA at 1e-12 agrees with Radau at 1e-10 to 1e-8, in a tenth of the time."""
    cohort, solved = solve_at
    doses = reference_immune_dose(cohort).fractions
    for name, (p, ours) in solved().items():
        fractions = doses[doses["id"] == name]
        exact = by_scipy(p, LESIONS[name], fractions, DRUG.get(name, ()), method, tolerance)
        for what in ("alc", "cd8"):
            np.testing.assert_allclose(ours[what], exact[what], rtol=1e-5, err_msg=name)
        volume, exact_volume = ours["diameter"] ** 3, exact["diameter"] ** 3
        np.testing.assert_allclose(volume, exact_volume, rtol=1e-4, err_msg=name)


def test_untreated_all_rests_but_the_lesions_which_grow_as_declared(solve_at):
    _, solved = solve_at
    p, untreated = solved(attack=ABSENT, growth=FAST)["P7"]
    np.testing.assert_allclose(untreated["alc"], p["lymphocyte_baseline"], rtol=1e-9)
    np.testing.assert_allclose(untreated["mdsc_ratio"], 1, rtol=1e-9)
    volume = untreated["diameter"] ** 3
    grown = np.exp(np.outer(DAYS - DAYS[0], p["growth"][:2]))
    np.testing.assert_allclose(volume / volume[0], grown, rtol=1e-6)
    # Their antigen grows with them: where there is plenty of it the activated cells rest too.
    assert untreated["cd8"][-1] > 1.001 * p["active_baseline"]
    p, resting = solved(half_antigen=ABSENT)["P7"]
    np.testing.assert_allclose(resting["cd8"], p["active_baseline"], rtol=1e-9)
    # The attack on lesions is then what it was before, and growth is net of that.
    grown = np.exp(np.outer(DAYS - DAYS[0], p["growth"][:2]))
    volume = resting["diameter"] ** 3
    np.testing.assert_allclose(volume / volume[0], grown, rtol=1e-6)


def test_without_an_attack_a_lesion_outside_the_field_grows_as_if_nobody_were_treated(solve_at):
    _, solved = solve_at
    p, treated = solved(attack=ABSENT)["P2"]
    outside = treated["diameter"][:, 1] ** 3
    grown = np.exp(p["growth"][1] * (DAYS - DAYS[0]))
    np.testing.assert_allclose(outside / outside[0], grown, rtol=1e-6)
    attacked = solved()["P2"][1]["diameter"][:, 1] ** 3
    assert abs(attacked[-1] / attacked[0] / grown[-1] - 1) > 1e-4


def test_lesions_that_no_fraction_reaches_have_sizes_of_their_own(solve_at):
    _, solved = solve_at
    small, large = (solved(lesion_volume_outside_effect=z) for z in (-1, 1))
    outside = {"P2": [2], "P3": [], "P4": [1, 2, 3]}  # P6 and P7 have no field
    for name, count in LESIONS.items():
        volume = [found[name][0]["lesion_volume"][:count] for found in (small, large)]
        expected = np.ones(count)
        expected[np.array(outside.get(name, []), int) - 1] = np.exp(2 * 0.7)
        np.testing.assert_allclose(volume[1] / volume[0], expected, rtol=1e-12, err_msg=name)


def test_each_brake_of_the_myeloid_cells_acts_on_its_own(solve_at):
    """A patient who gets the drug alone, with plenty of antigen."""
    _, solved = solve_at

    def with_absent(*names):
        p, curves = solved(**dict.fromkeys(("attack", "half_antigen", *names), ABSENT))["P6"]
        rise = curves["cd8"] / p["active_baseline"]
        return curves["alc"] / p["lymphocyte_baseline"], rise, curves["t_cell_ratio"]

    counts, rise, _ = with_absent("suppression")
    np.testing.assert_allclose(counts, 1, rtol=1e-9)
    assert rise.max() > 1.05
    counts, rise, t_cells = with_absent("function_suppression")
    assert counts.max() > 1.001
    assert 1.0001 < rise.max() < t_cells.max()
    counts, rise, _ = with_absent("suppression", "function_suppression")
    np.testing.assert_allclose(counts, 1, rtol=1e-9)
    np.testing.assert_allclose(rise, 1, rtol=1e-9)


def by_scipy(p, lesions, fractions, drug, method, tolerance):
    """The equations typed out once more on top of the oracle's, one smooth piece at a time."""
    first, growth = (np.asarray(p[n])[:lesions] for n in ("lesion_volume", "growth"))
    base = len(oracle.STATES)
    slow, mdsc = oracle.STATES.index("slow"), oracle.STATES.index("mdsc")
    slow_before = (1 - p["fast_fraction"]) * p["lymphocyte_baseline"]
    e0, half, k_d = p["active_baseline"], p["half_antigen"], p["clearing"]
    antigen_loss = p["active_loss"] + p["antigen_excess_loss"]

    def slope(_, y):
        antigen, active = y[base : base + 2]
        # Every lesion twice: as it is, and as if no cell attacked it, which is what antigen is of.
        living, dying, unharmed, dying_unharmed = y[base + 2 :].reshape(4, lesions)
        priming = p["active_loss"] * e0 * (1 + half) * y[slow] / slow_before
        priming *= antigen / (antigen + half)
        priming *= (y[mdsc] / p["mdsc_baseline"]) ** -p["function_suppression"]
        released = unharmed.sum() + p["burst"] * k_d * dying_unharmed.sum()
        attack = p["attack"] * (active - e0)
        return np.concatenate(
            [
                oracle.rates(p, y[:base], 0.0, 1.0),
                [antigen_loss * (released / first.sum() - antigen)],
                [priming - p["active_loss"] * active],
                growth * living - attack * living,
                -k_d * dying - attack * dying,
                growth * unharmed,
                -k_d * dying_unharmed,
            ]
        )

    lag = p["absorption_lag"] / 24
    moments = np.unique([*DAYS, *fractions["day"], *(day + lag for day in drug)])
    nothing = 0 * first
    y = np.concatenate([oracle.initial_state(p), [1.0, e0], first, nothing, first, nothing])
    scale = np.concatenate([oracle.absolute_scale(p, [MG]), [1.0, e0], *[first] * 4])
    found = {}
    for start, end in pairwise([*moments, moments[-1] + 1]):
        found[start] = y
        given = fractions[fractions["day"] == start]
        if len(given):
            immune_dose = p["immune_dose_scale"] * given["immune_dose_gy"].sum()
            gy = np.zeros(lesions)
            for row in given.itertuples():
                gy[slice(None) if row.lesion == 0 else row.lesion - 1] += row.prescribed_gy
            survive = np.exp(-p["tumour_alpha"] * (gy + gy**2 / p["alpha_beta_ratio"]))
            living, dying, *both = y[base + 2 :].reshape(4, lesions)
            default = oracle.jump(p, y[:base], 0.0, immune_dose, given["share"].sum(), "linear")
            active = y[base + 1] * np.exp(-p["active_radiosensitivity"] * immune_dose)
            hit = [
                part
                for alive, dead in ((living, dying), both)
                for part in (survive * alive, dead + (1 - survive) * alive)
            ]
            y = np.concatenate([default, [y[base], active], *hit])
        if any(start == day + lag for day in drug):
            y = np.concatenate([[y[0] + MG], y[1:]])
        atol = 1e-2 * tolerance * scale
        y = solve_ivp(slope, (start, end), y, method, rtol=tolerance, atol=atol).y[:, -1]
    at = np.array([found[day] for day in DAYS])
    size = at[:, base + 2 : base + 2 + lesions] + at[:, base + 2 + lesions : base + 2 + 2 * lesions]
    alc = at[:, :base] @ np.isin(oracle.STATES, ("fast", "slow", "doomed"))
    return {"alc": alc, "cd8": at[:, base + 1], "diameter": 10 * np.cbrt(6 * size / np.pi)}
