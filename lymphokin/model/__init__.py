"""The modelling vocabulary: blocks, states, flows, events, outputs and parameter tables."""

from lymphokin.model.block import Block, Flow, Fraction, Output, State, state
from lymphokin.model.model import (
    Model,
    ModelError,
    check_model,
    initial_state,
    load_model,
    model_file,
    shipped_models,
    state_type,
)
from lymphokin.model.parameters import (
    CategoryEffect,
    Parameter,
    ParameterTable,
    PowerCovariate,
    Residual,
    TableError,
)

__all__ = [
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
