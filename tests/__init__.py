"""Tests. JAX is set up here, before any test module imports it: its settings are read only once."""

import os
import sys
from pathlib import Path

from lymphokin.jax_setup import prepare_jax

prepare_jax(devices=2)

if sys.dont_write_bytecode:
    # Workers and commands would compile JAX and pandas from their source each time they start. The
    # sources' folders stay as they are: compiled modules go where pytest keeps what it remembers.
    kept = str(Path(__file__).parents[1] / ".pytest_cache" / "bytecode")
    sys.dont_write_bytecode, sys.pycache_prefix = False, kept
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = kept
