"""The modelling vocabulary: blocks, states, flows, events, outputs and parameter tables."""

from lymphokin.model.block import (
    Block,
    Flow,
    Fraction,
    ModelError,
    Output,
    State,
    initial_state,
    state,
    state_type,
)
from lymphokin.model.load import load_model, model_file, shipped_models
from lymphokin.model.model import Model, check_model
from lymphokin.model.parameters import (
    CategoryEffect,
    Parameter,
    ParameterTable,
    PowerCovariate,
    Residual,
    TableError,
)
from lymphokin.model.solver import AdaptiveSolver

__all__ = [
    "AdaptiveSolver",
    "Block",
    "CategoryEffect",
    "Flow",
    "Fraction",
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
    "model_file",
    "shipped_models",
    "state",
    "state_type",
]
