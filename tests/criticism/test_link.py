"""A trial fitted with the disputed link and without it: what left-out counts say of the link."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

import lymphokin as lk
from lymphokin.commands.check import show
from lymphokin.criticism.check_link import LinkCheck
from lymphokin.criticism.teaching.link import judge_link, link_contrast
from tests import examples


def left_out(score: np.ndarray, k: float = 0.2) -> pd.DataFrame:
    return pd.DataFrame({"log_score": score, "pareto_k": k})


@pytest.fixture
def scores() -> np.ndarray:
    return np.random.default_rng(1).standard_normal(300)


def test_a_better_fit_by_a_link_that_nobody_measured_asks_for_a_look(scores):
    noise = 0.5 * np.random.default_rng(2).standard_normal(300)
    counts = left_out(scores + 0.1 + noise), left_out(scores)
    contrast = link_contrast(counts, (0.14, 0.16), measured=False)
    gain = 0.1 + noise
    assert contrast.difference == pytest.approx(gain.sum())
    assert contrast.error == pytest.approx(np.sqrt(300) * gain.std(ddof=1))
    assert judge_link(contrast).level == "look"
    assert judge_link(replace(contrast, measured=True)).level == "fine"


def test_a_link_that_does_not_help_is_not_accused(scores):
    contrast = link_contrast((left_out(scores), left_out(scores + 0.1)), (0.14, 0.14), False)
    verdict = judge_link(contrast)
    assert verdict.level == "fine"
    assert "do not need the link" in verdict.sentence


def test_counts_that_cannot_be_left_out_of_both_are_not_judged(scores):
    without = left_out(scores)
    without.loc[:99, "pareto_k"] = 0.9
    contrast = link_contrast((left_out(scores + 1), without), (0.14, 0.14), False)
    assert (contrast.counts, contrast.unreliable) == (200, 100)


@pytest.mark.parametrize(("k", "believed"), [((0.4, 0.5), True), ((1.12, 0.49), False)])
def test_the_contrast_is_printed_after_how_far_its_fits_can_be_believed(scores, k, believed):
    contrast = link_contrast((left_out(scores), left_out(scores + 0.1)), (0.14, 0.14), False)
    about = {
        "synthetic": False, "data_file": "trial.csv", "symbol": "γ", "link": "the link",
        "run": "trial", "model": "made_up", "created": "today", "seed": 0,
    }  # fmt: skip
    result = LinkCheck(about, contrast, k)
    console = Console(width=200)
    with console.capture() as shown:
        show(console, result, "The link in trial.csv: fine")
    words = " ".join(shown.get().replace("│", " ").split())
    assert "Counts do not need the link: with it less without it, −30.0 ± 0.0 nats" in words
    assert ("not to be believed" in words) != believed
    assert words.startswith("Read this first: By its own verdict") != believed
    assert ("γ free (Pareto k 1.12)" in result.page()) != believed
    assert result.as_dict()["pareto_k"] == {"with": k[0], "without": k[1]}


@pytest.mark.slow  # the default model takes minutes to compile
def test_its_example_runs(small_table):
    fit = lk.fit(small_table, method="quick", progress=False)
    assert examples.runs("check_link", fit=fit)


def test_a_model_without_a_link_is_refused(hedos_run):
    with pytest.raises(ValueError, match="hedos_hcc has no fitted link"):
        lk.check_link(hedos_run.fit, progress=False)
