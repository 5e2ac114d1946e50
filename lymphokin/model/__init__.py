"""The modelling vocabulary: blocks, states, flows, events, outputs and parameter tables."""

from lymphokin.model.block import (
    Block,
    Dose,
    Flow,
    Fraction,
    Hazard,
    ModelError,
    Output,
    State,
    initial_state,
    state,
    state_type,
)
from lymphokin.model.correlations import Correlations
from lymphokin.model.covariates import CategoryCovariate, PowerCovariate
from lymphokin.model.load import load_model, model_file, shipped_models
from lymphokin.model.make import make_model
from lymphokin.model.model import Model, check_model
from lymphokin.model.parameters import Parameter, ParameterTable, TableError
from lymphokin.model.residual import CategoryEffect, DelayEffect, Residual
from lymphokin.model.solver import AdaptiveSolver

__all__ = [
    "AdaptiveSolver",
    "Block",
    "CategoryCovariate",
    "CategoryEffect",
    "Correlations",
    "DelayEffect",
    "Dose",
    "Flow",
    "Fraction",
    "Hazard",
    "Model",
    "ModelError",
    "Output",
    "Parameter",
    "ParameterTable",
    "PowerCovariate",
    "Residual",
    "State",
    "TableError",
    "check_model",
    "initial_state",
    "load_model",
    "make_model",
    "model_file",
    "shipped_models",
    "state",
    "state_type",
]
