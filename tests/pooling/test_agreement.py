"""Sites that went wrong and copies are named; sites that agree are left alone."""

from dataclasses import replace

import numpy as np
import pytest

from lymphokin.pooling.agreement import POINTS, SiteAgreement, agreement, copies
from lymphokin.pooling.doses import with_doses
from lymphokin.pooling.hierarchy import Factors, Normal, pooled
from lymphokin.population.draws import BASELINE_OFFSET, DOSE_OFFSET
from tests.pooling.conftest import POPULATION_SD, hierarchical

SPREADS = np.array([0.15, 0.2])
OFFSETS = (BASELINE_OFFSET, DOSE_OFFSET)


def found(factors, prior):
    draws = pooled(factors, prior, 0)
    return agreement(factors, prior, draws, OFFSETS, ("a", "b", "c"), 0)


def moved(factors: Factors, site: int, offset: int, factor: float) -> Factors:
    """A site whose patients are the same but for a factor of a quantity's values."""
    score = factors.score.copy()
    score[site] += factors.precision[site][:, offset] * np.log(factor) / POPULATION_SD
    return factors._replace(score=score)


def test_standard_distances_of_sites_that_agree_are_standard_normal():
    """18 sites, two offsets each. Sites of one pool share their forecast a little."""
    every = [found(f, p) for p, f in (hierarchical(seed, 6, SPREADS) for seed in range(3))]
    sds = np.array([sds for pool in every for site in pool for _, sds in site.offsets.values()])
    assert abs(sds.mean()) < 0.5
    assert 0.7 < sds.std() < 1.3
    assert sum(site.level == "wrong" for pool in every for site in pool) <= 1
    assert np.mean([site.p < 0.5 for pool in every for site in pool]) == pytest.approx(0.5, abs=0.3)


@pytest.mark.parametrize(
    ("offset", "factor", "words"),
    [(0, 1000.0, "counts per µl"), (1, 0.5, "doses that are twice what was given")],
)
def test_a_wrong_unit_and_doubled_doses_are_named(offset, factor, words):
    prior, factors = hierarchical(2, 6, SPREADS)
    verdicts = found(moved(factors, 2, offset, factor), prior)
    assert verdicts[2].level != "fine"
    assert words in verdicts[2].sentence
    log_factor, sds = verdicts[2].offsets[OFFSETS[offset]]
    assert log_factor == pytest.approx(np.log(factor), abs=0.5)
    assert abs(sds) > 2
    assert "wrong" not in {v.level for i, v in enumerate(verdicts) if i != 2}


def test_the_gain_is_the_ratio_of_two_normal_densities():
    """Of a site that says much: the forecast's density at what it says, over the prior's."""
    from scipy import stats

    prior, factors = hierarchical(5, 4, SPREADS)
    precision = factors.precision.copy()
    precision[0] = 200 * np.eye(3)
    at = np.array([0.3, -0.2, 0.1])
    score = factors.score.copy()
    score[0] = precision[0] @ at
    factors = Factors(score, precision)
    rest = pooled(factors.without([0]), prior, 0, points=POINTS).new_site
    nothing = pooled(factors.of_nobody(), prior, 0, points=POINTS).new_site
    log = [
        stats.multivariate_normal(z.mean(axis=0), np.cov(z.T) + np.eye(3) / 200).logpdf(at)
        for z in (rest, nothing)
    ]
    assert found(factors, prior)[0].gain == pytest.approx(log[0] - log[1], abs=1e-6)


def test_copies_are_found_and_sites_of_one_population_are_not():
    prior, factors = hierarchical(6, 8, SPREADS)
    draws = pooled(factors, prior, 0)
    population = Normal.of(draws.z)
    assert copies(factors, population) == []
    again = np.random.default_rng(0).standard_normal(3) * 0.003
    score = np.append(factors.score, [factors.score[2] + factors.precision[2] @ again], axis=0)
    precision = np.append(factors.precision, factors.precision[2:3], axis=0)
    assert copies(Factors(score, precision), population) == [(2, 8)]


def dose_verdicts(effect: float, ratio: float) -> list[SiteAgreement]:
    """Of four sites, the first with doses ``ratio`` times those of the others."""
    fine = SiteAgreement(0.3, 0.0, {DOSE_OFFSET: (0.0, 0.0)}, ("a", 0.1), "fine", "as predicted")
    odd = replace(fine, offsets={DOSE_OFFSET: (float(np.log(effect)), -1.9)})
    doses = [{"prescribed_gy": (gy, gy)} for gy in (50.0 * ratio, 50.0, 50.0, 50.0)]
    return with_doses([odd, fine, fine, fine], doses)


def test_doses_written_twice_are_named_where_they_have_half_the_effect():
    named = dose_verdicts(effect=0.53, ratio=2.0)
    assert named[0].level == "look"
    assert "2 times those of the other sites and have 0.53 times the effect" in named[0].sentence
    assert "doses that are twice what was given" in named[0].sentence
    assert {v.level for v in named[1:]} == {"fine"}
    halved = dose_verdicts(effect=1.9, ratio=0.5)
    assert "doses that are half of what was given" in halved[0].sentence


@pytest.mark.parametrize(("effect", "ratio"), [(1.0, 2.0), (0.8, 2.0), (0.53, 1.0), (2.0, 2.0)])
def test_one_sign_alone_names_no_doubled_dose(effect, ratio):
    assert dose_verdicts(effect, ratio)[0].level == "fine"
