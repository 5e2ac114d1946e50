"""Published numbers beside what the draws say: a cohort whose draws are known one by one."""

from types import SimpleNamespace

import numpy as np
import pytest

from lymphokin.literature.reproduction import reproduce
from lymphokin.literature.studies import Counts, Study
from lymphokin.model import Residual

LEVELS = np.linspace(0.1, 1.0, 10)
"""What each draw says every patient's count is, 1e9/L."""


def analysis(*counts: Counts) -> SimpleNamespace:
    """One study of patients who do not differ and are measured without error."""
    study = Study("one", "made up", 20, 5, 10.0, counts)
    log_true = np.broadcast_to(np.log(LEVELS)[:, None, None], (10, len(counts), 4))
    residual = Residual("alc", "normal", 0.2, "fixed")
    return SimpleNamespace(
        studies=(study,),
        true_counts=lambda unknowns: (log_true, np.zeros((10, 4))),
        model=SimpleNamespace(table=SimpleNamespace(residuals={"alc": residual})),
        cohorts=SimpleNamespace(
            study_of=np.zeros(4, int), nodes=[[np.array([i]) for i in range(len(counts))]]
        ),
    )


def test_the_tail_is_the_probability_of_a_number_below_the_published_one():
    made = analysis(
        Counts("baseline", mean=0.35),
        Counts("one visit", (42.0,), below=(0.75,), share=(0.5,)),
        Counts("one visit", (90.0,), below=(0.8,), share=(0.65,)),
    )
    table = reproduce(made, None, ("one",), seed=1).set_index("statistic")  # type: ignore[arg-type]
    mean, median, share = (table.loc[s] for s in ("mean", "median", "share below 0.8"))
    assert mean["tail"] == pytest.approx(0.3)  # 0.1, 0.2 and 0.3 of ten draws
    assert median["tail"] == pytest.approx(0.7)
    # Of the ten draws, seven lie below 0.8, where everybody does; in the others nobody does.
    assert share["tail"] == pytest.approx(0.3)
    for row in (mean, median):
        ends = row[["q05", "q50", "q95"]].to_numpy(float)
        assert ends == pytest.approx(np.quantile(LEVELS, (0.05, 0.5, 0.95)))
    assert (mean["observed"], median["observed"], share["observed"]) == (0.35, 0.75, 0.65)
