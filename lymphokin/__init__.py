"""Lymphocyte kinetics under radiotherapy and immune-directed drugs.

``import lymphokin as lk`` gives the public names below. They are imported when they are first used,
so that starting is quick. The command line is a thin caller of the same names.

Importing lymphokin makes JAX compute in double precision, unless the environment variable
``JAX_ENABLE_X64`` says otherwise: counts over months after doses that act within hours need it.

Research use only. Not a medical device; not for decisions about patients.
"""

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import lazy_loader

if TYPE_CHECKING:
    from lymphokin import plot as plot
    from lymphokin.criticism.check import check as check
    from lymphokin.criticism.check import check_forecasts as check_forecasts
    from lymphokin.criticism.check import check_sampler as check_sampler
    from lymphokin.criticism.check_link import check_link as check_link
    from lymphokin.criticism.compare import compare as compare
    from lymphokin.infer.fit_error import FitError as FitError
    from lymphokin.io import BadInput as BadInput
    from lymphokin.io import Cohort as Cohort
    from lymphokin.io import read_events as read_events
    from lymphokin.io import write_events as write_events
    from lymphokin.io.convert import convert as convert
    from lymphokin.model import Model as Model
    from lymphokin.model import load_model as load_model
    from lymphokin.model import make_model as make_model
    from lymphokin.model import model_file as model_file
    from lymphokin.model import shipped_models as shipped_models
    from lymphokin.pooling.pool import pool as pool
    from lymphokin.pooling.site import SiteFactor as SiteFactor
    from lymphokin.pooling.site import export_site as export_site
    from lymphokin.predict import Forecast as Forecast
    from lymphokin.progress import Reporter as Reporter
    from lymphokin.run import Fit as Fit
    from lymphokin.run import UntrustedModelError as UntrustedModelError
    from lymphokin.run import fit as fit
    from lymphokin.run import open_run as open_run
    from lymphokin.trial.synthetic import simulate_trial as simulate_trial
    from lymphokin.updating.update import update as update
    from lymphokin.validation.validate import Validation as Validation
    from lymphokin.validation.validate import validate as validate
    from lymphokin.whatif.patient import Patient as Patient
    from lymphokin.whatif.schedule import Schedule as Schedule
    from lymphokin.whatif.what_if import PatientRisk as PatientRisk
    from lymphokin.whatif.what_if import WhatIf as WhatIf
    from lymphokin.whatif.what_if import predict_patient as predict_patient
    from lymphokin.whatif.what_if import what_if as what_if

_HOMES = {
    "infer.fit_error": ["FitError"],
    "io": ["BadInput", "Cohort", "read_events", "write_events"],
    "io.convert": ["convert"],
    "model": ["Model", "load_model", "make_model", "model_file", "shipped_models"],
    "run": ["fit", "open_run", "Fit", "UntrustedModelError"],
    "pooling.pool": ["pool"],
    "pooling.site": ["SiteFactor", "export_site"],
    "predict": ["Forecast"],
    "criticism.check": ["check", "check_forecasts", "check_sampler"],
    "criticism.check_link": ["check_link"],
    "criticism.compare": ["compare"],
    "progress": ["Reporter"],
    "whatif.patient": ["Patient"],
    "whatif.schedule": ["Schedule"],
    "whatif.what_if": ["PatientRisk", "WhatIf", "predict_patient", "what_if"],
    "trial.synthetic": ["simulate_trial"],
    "updating.update": ["update"],
    "validation.validate": ["Validation", "validate"],
}
"""Module below lymphokin that each public name comes from."""

# Counts over months after doses that act in hours: double precision unless the user says otherwise.
os.environ.setdefault("JAX_ENABLE_X64", "1")
if "jax" in sys.modules:
    sys.modules["jax"].config.update("jax_enable_x64", os.environ["JAX_ENABLE_X64"] == "1")

__getattr__: Callable[[str], Any]
__dir__: Callable[[], list[str]]
__getattr__, __dir__, __all__ = lazy_loader.attach(__name__, ["plot"], _HOMES)  # pyright: ignore[reportUnsupportedDunderAll]
