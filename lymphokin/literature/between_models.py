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

from lymphokin.endpoints import DEFAULT, Endpoint, read_endpoint, shipped_endpoints
from lymphokin.files import AnyPath
from lymphokin.infer.density import density_of
from lymphokin.io import Cohort
from lymphokin.literature.posterior import calibrated_models, literature_draws
from lymphokin.predict import forecast
from lymphokin.predict.forecast import days_of_interest

STACKING_OUTCOMES = 20
"""Fewest known outcomes for which weights are estimated; with fewer they are noise (judgement)."""
RISKS = ("p_grade2_measured", "p_grade2_true", "p_grade3_measured", "p_grade4_measured")
SHOWN = ("endpoint_day", *RISKS, "p_grade2_q05", "p_grade2_q95", "alc_q05", "alc_q50", "alc_q95",
         "n_counts_used", "observed_alc", "observed_grade2", "extrapolation",
         "pareto_k")  # fmt: skip


def numbers_of(endpoint: Endpoint) -> tuple[str, ...]:
    """Columns of a forecast that models are combined in.

    Of a count on a day the risks of grades; of a window the chance of the event, else the median
    number, what visits show before the true curve.
    """
    if endpoint.on_a_day:
        return RISKS
    name = endpoint.name
    if endpoint.has_event:
        return (f"p_{name}_measured", f"p_{name}_true")
    return (f"{name}_measured_q50", f"{name}_true_q50")


@dataclass(frozen=True)
class BetweenModels:
    """Forecasts of the same patients by several models.

    ``by_model``: one row per model and patient, with the columns of a forecast. ``combined``: index
    id; the mixture's risks, the lowest and the highest risk of grade >= 2 of any model, and which
    models those are; of another endpoint the same of its numbers (:func:`numbers_of`). ``weights``:
    of each model, by ``rule`` ("equal" or "stacking"). ``endpoint``: what was asked.
    """

    by_model: pd.DataFrame
    combined: pd.DataFrame
    weights: dict[str, float]
    rule: str
    endpoint: Endpoint


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


def combine(by_model: pd.DataFrame, endpoint: Endpoint | None = None) -> BetweenModels:
    """Combine the models' forecasts: by stacking when enough outcomes are known, else equally.

    Args:
        by_model: index model and id; columns of a forecast.
        endpoint: what was forecast; None: the default one. Of a window models have equal weights.
    """
    asked = endpoint or shipped_endpoints()[DEFAULT]
    models = list(dict.fromkeys(by_model.index.get_level_values("model")))
    numbers = numbers_of(asked)
    risk = by_model[numbers[0]].unstack("model")[models]
    happened = pd.Series(np.nan, risk.index)
    if asked.on_a_day:
        happened = by_model.loc[models[0], "observed_grade2"].reindex(risk.index)
    known = happened.notna()
    rule, weights = "equal", np.full(len(models), 1 / len(models))
    if known.sum() >= STACKING_OUTCOMES and len(models) > 1:
        event = happened[known].astype(float).to_numpy()[:, None]
        of_event = risk[known].to_numpy()
        rule = "stacking"
        weights = stacking_weights(event * of_event + (1 - event) * (1 - of_event))
    combined = pd.DataFrame(
        {name: by_model[name].unstack("model")[models].to_numpy() @ weights for name in numbers},
        index=risk.index,
    )
    judged = "p_grade2" if asked.on_a_day else numbers[0]
    combined[f"{judged}_lowest"] = risk.min(axis=1)
    combined[f"{judged}_highest"] = risk.max(axis=1)
    combined["lowest_model"] = risk.idxmin(axis=1)
    combined["highest_model"] = risk.idxmax(axis=1)
    shares = dict(zip(models, weights.tolist(), strict=True))
    return BetweenModels(by_model.reset_index(), combined, shares, rule, asked)


def between_models(
    cohort: Cohort,
    models: Sequence[str] | None = None,
    counts_until: float | None = None,
    seed: int = 0,
    endpoint: AnyPath | Endpoint | None = None,
) -> BetweenModels:
    """Forecast a cohort with every calibrated model.

    Args:
        cohort: patients; their records up to ``counts_until`` are used.
        models: names; all that ship calibrated by default.
        counts_until: None: all before the endpoint.
        seed: of all random numbers.
        endpoint: by name, a file that declares one, or as it is; None: the default one.

    Raises:
        FileNotFoundError: for a model that does not ship calibrated.
        BadInput: when there is no such endpoint.
        ModelError: when a model does not show what it asks for.
    """
    asked = read_endpoint(endpoint or DEFAULT)
    usual = asked == shipped_endpoints()[DEFAULT]
    days = None if usual else days_of_interest(cohort, asked)
    names = tuple(models or calibrated_models())
    tables = []
    for name in names:
        population = literature_draws(name)
        predicted = forecast(
            density_of(population.model, cohort, days=days),
            population.z,
            in_fit=False,
            seen=population.seen or {},
            seen_sites=population.seen_sites,
            synthetic=cohort.synthetic,
            endpoint=asked,
            counts_until=counts_until,
            seed=seed,
        )
        found = predicted.patients
        tables.append(found[list(SHOWN)] if asked.on_a_day else found.drop(columns="arm"))
    return combine(pd.concat(tables, keys=names, names=["model", "id"]), asked)
