"""Friedrich, Scholz and Durante 2022 against its program's recursions as the step goes to 0."""

import tomllib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import lymphokin as lk
from lymphokin.population import CohortLikelihood, Hierarchy, pack

EXAMPLE = Path(__file__).parents[2] / "docs" / "examples" / "friedrich2022.py"
DAYS = np.array([0, 0.5, 1, 2, 3, 4, 6, 8, 9, 12, 15, 20, 30.0])
"""From the first record, a day before the first fraction."""
GY, DRUG_ENDS = 2.0, 20.0
FRACTIONS = {"rt": range(1, 10), "drug": (), "both": range(1, 10)}
DRUG = ("drug", "both")


@pytest.mark.slow
def test_tumours_are_those_of_the_recursions(tmp_path):
    model = lk.load_model(EXAMPLE)
    table = write_table(tmp_path / "mice.csv")
    p = {q.name: q.median for q in model.table}
    exact = {mouse: recursion(p, mouse) for mouse in FRACTIONS}
    found = solved(model, table)
    for mouse in ("rt", "drug"):
        np.testing.assert_allclose(found[mouse], exact[mouse], rtol=5e-3, err_msg=mouse)
    # Both together take all cells away, and the program puts the tumour to 0. The saturating kill
    # follows until a quarter of the tumour has gone, and leaves less than a hundredth.
    both, gone = found["both"], exact["both"][0] == 0
    assert gone[-1]
    np.testing.assert_allclose(both[:, :9], exact["both"][:, :9], rtol=0.05)
    assert np.all(both > 0)
    assert np.all(both[0, gone] < 0.01 * both[0].max())


def test_the_original_kill_takes_more_cells_than_there_are():
    table = tomllib.loads(EXAMPLE.with_suffix(".toml").read_text(encoding="utf-8"))["parameters"]
    p = SimpleNamespace(**{name: row["value"] for name, row in table.items()})
    u = SimpleNamespace(CHECKPOINT=1.0, sum_over_lesions=lambda x: x)
    (block,) = lk.model_file(EXAMPLE).blocks
    y = dict.fromkeys(block.states, 0.0) | {"primary": 10.0, "local": 1e6, "longest": 7.0}

    def change(half_kill):
        flow = block.flows(
            SimpleNamespace(**y), SimpleNamespace(**vars(p) | {"half_kill": half_kill}), u
        )
        return float(flow["primary"].inflow - 10.0 * flow["primary"].loss)

    assert change(0.0) == pytest.approx(10.0 * 2.5 * 1e5**0.45 - 0.6e6)
    assert change(p.half_kill) == pytest.approx(10.0 * 2.5 * 1e5**0.45 - 6e6 / (10 + p.half_kill))


def write_table(path):
    rows = ["ID,TIME,EVID,CMT,AMT,LESION,DVID,DV,N_LESIONS,CHECKPOINT"]
    for mouse, fractions in FRACTIONS.items():
        own = []
        for day in DAYS:
            drug = int(1 <= day < DRUG_ENDS) if mouse in DRUG else ""
            own.append((day, 0, f"0,,,1,primary_cells,1,1,{drug}"))
            own.append((day, 0, f"0,,,,distant_cells,1,1,{drug}"))
        own += [(day, 1, f"1,rt,{GY},1,,,1,") for day in fractions]
        rows += [f"{mouse},{day - 1},{row}" for day, _, row in sorted(own)]
    path.write_text("\n".join(rows) + "\n")
    return path


def solved(model, table):
    """Per mouse, [tumour, day] cells."""
    packed = pack(model, lk.read_events(table, model=model))
    likelihood = CohortLikelihood(Hierarchy(model))
    latents = likelihood.hierarchy.typical_latents(packed.arrays)
    predictions = likelihood.predictions(latents, packed.arrays)
    found = {mouse: [] for mouse in FRACTIONS}
    for quantity in ("primary_cells", "distant_cells"):
        records = packed.records[quantity][0]
        values = np.exp(np.asarray(predictions[quantity][0]))[: len(records)]
        for mouse, cells in found.items():
            cells.append(values[(records["id"] == mouse).to_numpy()])
    return {mouse: np.array(cells) for mouse, cells in found.items()}


def recursion(p, mouse):
    """[tumour, day] cells of the program, extrapolated from two steps to none."""
    coarse, fine = (run(p, FRACTIONS[mouse], mouse in DRUG, step) for step in (0.01, 0.005))
    return np.maximum(2 * fine - coarse, 0)


def kernel(longest, power, days):
    """Share that dies per day after a fraction, and the share still there [day]."""
    rate = np.where(days < longest, (1 - (days / longest) ** power) * -np.expm1(-0.2 * days), 0)
    fine = np.linspace(0, longest, 20001)
    whole = np.trapezoid((1 - (fine / longest) ** power) * -np.expm1(-0.2 * fine), fine)
    left = 1 - np.concatenate([[0], np.cumsum((rate[1:] + rate[:-1]) / 2 * np.diff(days))]) / whole
    return rate / whole, np.where(days < longest, np.maximum(left, 0), 0)


def run(p, fractions, drug, step):
    p = SimpleNamespace(**p)
    n = round((DAYS[-1] + 0.1) / step)
    days = np.arange(n) * step
    die, left = kernel(min(max(25 / GY, 2.0), 7.0), 2.8, days)
    prime, _ = kernel(2.0, 20, days)
    survives = np.exp(-p.alpha * GY - p.beta * GY**2)
    hit = 1 - np.exp(-p.lymphocyte_alpha * GY - p.lymphocyte_beta * GY**2)
    node_gy = p.node_dose * GY
    node = np.exp(-p.lymphocyte_alpha * node_gy - p.lymphocyte_beta * node_gy**2)
    given = np.zeros(n, bool)
    given[np.round(np.array([*fractions], float) / step).astype(int)] = True
    left_in_node = node ** np.cumsum(given)
    killed: list[
        tuple[int, float, float, float]
    ] = []  # step, tumour, its growth so far, lymphocytes
    t, tm, t2, grown, lm = p.primary_start, 0.0, p.distant_start, 0.0, 0.0
    local, roaming = p.local_start, p.roaming_start
    mu = p.primary_growth * 0.1**-p.primary_exponent, p.distant_growth * 0.1**-p.distant_exponent
    signal = np.zeros(n)
    signal[0] = p.release * 4e10 / ((p.signal_loss + mu[0]) * 1e5 + (p.signal_loss + mu[1]) * 1e5)
    cells = np.zeros((2, n))
    cells[:, 0] = t, t2
    for i in range(1, n):
        kill = p.kill_under_drug if drug and 1 < days[i - 1] <= DRUG_ENDS else p.kill
        made = p.priming * step * (prime[: i - 1] @ (left_in_node * signal)[: i - 1][::-1])
        mu1 = p.primary_growth * ((t + tm) / 1e6) ** -p.primary_exponent if t + tm > 0 else 0.0
        mu2 = p.distant_growth * (t2 / 1e6) ** -p.distant_exponent if t2 > 0 else 0.0
        dying = growing = waning = 0.0
        for at, dead, earlier, lymphocytes in killed:
            cohort, age = dead * np.exp(grown - earlier), i - 1 - at
            dying += cohort * die[age]
            growing += cohort * mu1 * left[age]
            lost = p.lymphocyte_loss
            waning -= lymphocytes * np.exp(-lost * age * step) * (lost * left[age] + die[age])
        dead = given[i - 1] * (1 - survives) * t
        gone = given[i - 1] * hit * local
        if given[i - 1]:
            killed.append((i - 1, dead, grown, gone))
        signal[i] = signal[i - 1] + step * (
            p.release * (t + t2) + p.burst * dying - p.signal_loss * signal[i - 1]
        )
        t2 = max(0.0, t2 + step * (mu2 * t2 - kill * p.distant_kill * roaming))
        t, tm = (
            max(0.0, t + step * (mu1 * t - kill * (local + lm)) - dead),
            max(0.0, tm + step * (growing - dying) + dead),
        )
        loss = p.lymphocyte_loss
        lm = max(0.0, lm + gone + step * (waning - kill * lm))
        local += step * (p.local_share * made - (loss + kill) * local) - gone
        roaming += step * ((1 - p.local_share) * made - loss * roaming)
        roaming -= given[i - 1] * p.roaming_loss * roaming
        grown += step * mu1
        cells[:, i] = t + tm, t2
    return cells[:, np.round(DAYS / step).astype(int)]
