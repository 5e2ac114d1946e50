"""The same patients through every calibrated model: how much hangs on the choice of the model.

Each model has been calibrated to the same published cohorts; what they still disagree about is what
the literature does not settle. Forecasts are combined with equal weights or, once enough outcomes
are known, by stacking (Yao et al. 2018, doi:10.1214/17-BA1091): the weights under which the mixture
gives what happened the highest probability. The literature never saw these patients, so every
model's forecast is out of sample.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import scipy.optimize
from scipy.special import softmax

from lymphokin.infer.density import density_of
from lymphokin.io import Cohort
from lymphokin.literature.posterior import calibrated_models, literature_draws
from lymphokin.predict import forecast

STACKING_OUTCOMES = 20
"""Fewest known outcomes for which weights are estimated; with fewer they are noise (judgement)."""
RISKS = ("p_grade2_measured", "p_grade2_true", "p_grade3_measured", "p_grade4_measured")
SHOWN = ("endpoint_day", *RISKS, "p_grade2_q05", "p_grade2_q95", "alc_q05", "alc_q50", "alc_q95",
         "n_counts_used", "observed_alc", "observed_grade2", "extrapolation")  # fmt: skip


@dataclass(frozen=True)
class BetweenModels:
    """Forecasts of the same patients by several models.

    ``by_model``: one row per model and patient, with the columns of a forecast. ``combined``: index
    id; the mixture's risks, the lowest and the highest risk of grade >= 2 of any model, and which
    models those are. ``weights``: of each model, by ``rule`` ("equal" or "stacking").
    """

    by_model: pd.DataFrame
    combined: pd.DataFrame
    weights: dict[str, float]
    rule: str


def stacking_weights(probability: np.ndarray) -> np.ndarray:
    """[model] weights whose mixture gives the outcomes the highest probability.

    Args:
        probability: [outcome, model] probability that each model gave to what happened.
    """
    models = probability.shape[1]

    def loss(free: np.ndarray) -> float:
        mixture = probability @ softmax(np.append(free, 0.0))
        return -float(np.log(np.maximum(mixture, 1e-12)).sum())

    found = scipy.optimize.minimize(loss, np.zeros(models - 1), method="BFGS")
    return softmax(np.append(found.x, 0.0))


def combine(by_model: pd.DataFrame) -> BetweenModels:
    """Combine the models' forecasts: by stacking when enough outcomes are known, else equally.

    Args:
        by_model: index model and id; columns of a forecast.
    """
    models = list(dict.fromkeys(by_model.index.get_level_values("model")))
    risk = by_model["p_grade2_measured"].unstack("model")[models]
    happened = by_model.loc[models[0], "observed_grade2"].reindex(risk.index)
    known = happened.notna()
    rule, weights = "equal", np.full(len(models), 1 / len(models))
    if known.sum() >= STACKING_OUTCOMES and len(models) > 1:
        event = happened[known].astype(float).to_numpy()[:, None]
        of_event = risk[known].to_numpy()
        rule = "stacking"
        weights = stacking_weights(event * of_event + (1 - event) * (1 - of_event))
    combined = pd.DataFrame(
        {name: by_model[name].unstack("model")[models].to_numpy() @ weights for name in RISKS},
        index=risk.index,
    )
    combined["p_grade2_lowest"] = risk.min(axis=1)
    combined["p_grade2_highest"] = risk.max(axis=1)
    combined["lowest_model"] = risk.idxmin(axis=1)
    combined["highest_model"] = risk.idxmax(axis=1)
    shares = dict(zip(models, weights.tolist(), strict=True))
    return BetweenModels(by_model.reset_index(), combined, shares, rule)


def between_models(
    cohort: Cohort,
    models: Sequence[str] | None = None,
    counts_until: float | None = None,
    seed: int = 0,
) -> BetweenModels:
    """Forecast a cohort with every calibrated model.

    Args:
        cohort: patients; their records up to ``counts_until`` are used.
        models: names; all that ship calibrated by default.

    Raises:
        FileNotFoundError: for a model that does not ship calibrated.
    """
    names = tuple(models or calibrated_models())
    tables = []
    for name in names:
        population = literature_draws(name)
        predicted = forecast(
            density_of(population.model, cohort),
            population.z,
            in_fit=False,
            seen=population.seen or {},
            synthetic=cohort.synthetic,
            counts_until=counts_until,
            seed=seed,
        )
        tables.append(predicted.patients[list(SHOWN)])
    return combine(pd.concat(tables, keys=names, names=["model", "id"]))
