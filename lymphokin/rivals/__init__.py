"""Rivals that are not mechanistic: regressions that give a patient's count or risk at one visit.

A rival is anything that gives a predictive distribution of a patient's count or risk. Mechanistic
rivals are models like any other (`models/`). A regression has no states and no time; it is a file
in `models/regressions/` with a class and a parameter table, and never passes for a model.
"""

from lymphokin.rivals.regression import (
    FittedRegression,
    Regression,
    RegressionModel,
    load_regression,
    shipped_regressions,
)

__all__ = [
    "FittedRegression",
    "Regression",
    "RegressionModel",
    "load_regression",
    "shipped_regressions",
]
