"""The contrast of the arms against rates by hand: who gets how much, and which way it points."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lymphokin.infer.density import density_of
from lymphokin.model import ModelError, load_model
from lymphokin.predict import arm_contrast, own_shares
from lymphokin.regimens import usual_pulses
from tests.predict.conftest import BETWEEN, ELIMINATION, ERROR, LEVEL, PER_EXPOSURE, patients

OWN = [(0.0, 60.0), (1.0, 60.0), (7.0, 80.0)]
"""Doses of the treated patient (day, mg): less than the trial's regimen."""
BSA = 1.7
VISIT = 4.0 + 42.0
"""The planned endpoint visit, days from the first of five daily fractions; every dose before it has
left by then but for some parts in a million."""
DRAWS = 40


@pytest.fixture(scope="module")
def contrast(treated_model):
    """One patient without and one with the drug; draws of the population and of both levels."""
    cohort = patients(
        {"untreated": [(-3.0, 1.0)], "treated": [(-3.0, 0.7)]},
        {"treated": OWN},
        arm=["SBRT", "SBRT+ATRA"],
        bsa=[BSA, np.nan],
    )
    density = density_of(treated_model, cohort)
    assert density.hierarchy.population_names == ("suppression",)
    start = density.centre
    assert start.size == 3  # the suppression and two levels
    x = np.random.default_rng(2).standard_normal((DRAWS, 3))
    return x, arm_contrast(density, x, seed=1).set_index(["link", "arm"])


def rates_by_hand(x: np.ndarray, suppression: np.ndarray) -> dict[str, np.ndarray]:
    """[draw] share of each arm: an area under the drug is its dose over its rate."""
    regimen = usual_pulses("atra").doses(BSA).query("day < @VISIT")["amount_mg"].sum()
    total = np.array([regimen, sum(mg for _, mg in OWN)])
    log_level = np.log(LEVEL) + BETWEEN * x[:, 1:]
    effect = suppression[:, None] * PER_EXPOSURE * total / ELIMINATION

    def share(log_count: np.ndarray) -> np.ndarray:
        return stats.norm.cdf(np.log(0.795), log_count, ERROR).mean(axis=1)

    alone, pulsed = share(log_level), share(log_level + effect)
    return {"SBRT": alone, "SBRT+ATRA": pulsed, "difference": pulsed - alone}


@pytest.mark.parametrize("arm", ["SBRT", "SBRT+ATRA", "difference"])
def test_each_arm_has_the_mean_of_its_patients_probabilities(contrast, arm):
    x, table = contrast
    expected = rates_by_hand(x, np.exp(0.5 * x[:, 0]))[arm]
    row = table.loc["fitted", arm]
    assert row["n"] == 2
    for name, q in (("rate_q05", 0.05), ("rate_q50", 0.5), ("rate_q95", 0.95)):
        # The solver's steps make an area under the drug right to some parts in a thousand.
        assert row[name] == pytest.approx(np.quantile(expected, q), abs=2e-3)


def test_the_drug_lowers_the_share_where_it_acts(contrast):
    _, table = contrast
    difference = table.loc["fitted", "difference"]
    assert difference["rate_q05"] < difference["rate_q50"] < difference["rate_q95"] < 0


def test_without_suppression_the_arms_are_one(contrast):
    x, table = contrast
    expected = rates_by_hand(x, np.zeros(DRAWS))["SBRT"]
    for name, q in (("rate_q05", 0.05), ("rate_q50", 0.5), ("rate_q95", 0.95)):
        assert table.loc["zero", "difference"][name] == 0.0
        assert table.loc["zero", "SBRT"][name] == table.loc["zero", "SBRT+ATRA"][name]
        assert table.loc["zero", "SBRT"][name] == pytest.approx(np.quantile(expected, q), abs=1e-3)


def test_the_share_of_each_arms_own_patients_is_that_under_their_own_treatment(treated_model):
    """Of those with a count at the visit alone, each measured once: exactly, by convolution."""
    drugged = [f"c{i}" for i in range(7)]
    cohort = patients(
        {"a": [(-3.0, 1.0), (46.0, 0.9)], "b": [(-3.0, 1.0)]}
        | {name: [(-3.0, 0.7), (46.0, 0.7)] for name in drugged},
        dict.fromkeys(drugged, OWN),
        arm=["SBRT", "SBRT", *["SBRT+ATRA"] * 7],
    )
    density = density_of(treated_model, cohort)
    x = np.random.default_rng(2).standard_normal((DRAWS, 10))
    found = own_shares(density, x).set_index(["link", "arm"])
    assert found["n"].tolist() == [1, 7, 1, 7]
    log_level = np.log(LEVEL) + BETWEEN * x[:, 1:]
    effect = np.exp(0.5 * x[:, 0]) * PER_EXPOSURE * sum(mg for _, mg in OWN) / ELIMINATION
    for link, arm, log_count in (
        ("fitted", "SBRT", log_level[:, :1]),
        ("fitted", "SBRT+ATRA", log_level[:, 2:] + effect[:, None]),
        ("zero", "SBRT+ATRA", log_level[:, 2:]),
    ):
        risks = stats.norm.cdf(np.log(0.795), log_count, ERROR)
        of_draws = []
        for draw in risks:
            happening = np.ones(1)
            for risk in draw:
                happening = np.convolve(happening, [1 - risk, risk])
            of_draws.append(happening)
        at_most = np.mean(of_draws, axis=0).cumsum()
        for name, q in (("rate_q05", 0.05), ("rate_q50", 0.5), ("rate_q95", 0.95)):
            share = found.loc[(link, arm), name]
            events = round(share * risks.shape[1])
            assert share == pytest.approx(events / risks.shape[1])
            error = 3 * np.sqrt(q * (1 - q) / DRAWS)  # of measurements drawn once a draw
            assert at_most[events] >= q - error
            assert events == 0 or at_most[events - 1] <= q + error


def test_a_declared_link_contrasts_its_own_drug_in_those_who_got_it(treated_model, tmp_path):
    """The same model with another drug, whose usual regimen nobody knows, and another link."""
    code = treated_model.files["treated.py"].replace("Drug(Block):", "Drug(Block):\n    takes = "
            "{'serum': Dose('mg', 'Serum')}").replace("amount):", "dose):")  # fmt: skip
    code = code.replace("+ amount", "+ dose.serum").replace('"atra"', '"serum_level"')
    code = code.replace("suppression", "bond").replace("import Block", "import Block, Dose")
    table = treated_model.files["treated.toml"].replace("suppression", "bond")
    table = table.replace("residuals.atra", "residuals.serum_level")
    (tmp_path / "serum.py").write_text(code)
    contrast = """
[contrast]
parameter = "bond"
drug = "serum"
link = "the bond"
assumes = "serum protects"
without = "if there were no bond"
"""
    (tmp_path / "serum.toml").write_text(table + contrast)
    model = load_model(tmp_path / "serum.py")
    cohort = patients(
        {"untreated": [(-3.0, 1.0)], "treated": [(-3.0, 0.7)]}, arm=["SBRT", "SBRT+Serum"]
    )
    doses = pd.DataFrame(OWN, columns=["day", "amount_mg"]).assign(id="treated", drug="serum")
    density = density_of(model, replace(cohort, doses=doses, vocabulary=model.vocabulary))
    x = np.random.default_rng(2).standard_normal((DRAWS, 3))
    found = arm_contrast(density, x, seed=1).set_index(["link", "arm"])
    assert set(found["n"]) == {1}
    level = np.log(LEVEL) + BETWEEN * x[:, 2]
    effect = np.exp(0.5 * x[:, 0]) * PER_EXPOSURE * sum(mg for _, mg in OWN) / ELIMINATION
    for arm, log_count in (("SBRT", level), ("SBRT+Serum", level + effect)):
        expected = stats.norm.cdf(np.log(0.795), log_count, ERROR)
        assert found.loc[("fitted", arm), "rate_q50"] == pytest.approx(
            np.quantile(expected, 0.5), abs=2e-3
        )
    assert found.loc[("zero", "difference"), "rate_q95"] == 0
    for wrong, reported in (
        (('drug = "serum"', 'drug = "atra"'), "contrast.drug: found 'atra', expected a drug of"),
        (('parameter = "bond"', 'parameter = "bind"'), "contrast: parameter 'bind' is not in"),
        (('without = "if there', 'with = "if there'), "contrast: unknown key 'with'; contrast: wi"),
    ):
        (tmp_path / "serum.toml").write_text((table + contrast).replace(*wrong))
        with pytest.raises(ModelError, match=reported):
            load_model(tmp_path / "serum.py")
