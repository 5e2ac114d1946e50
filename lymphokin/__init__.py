"""Lymphocyte kinetics under radiotherapy and myeloid-directed drugs."""

import os
import sys

# Counts over months after doses that act in hours: double precision unless the user says otherwise.
os.environ.setdefault("JAX_ENABLE_X64", "1")
if "jax" in sys.modules:
    sys.modules["jax"].config.update("jax_enable_x64", os.environ["JAX_ENABLE_X64"] == "1")
