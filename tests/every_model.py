"""Shipped models for tests that solve: two in the default run, all of them in the slow one."""

import pytest

from lymphokin.model import shipped_models

EVERY_MODEL = [
    pytest.param(name, marks=() if name in ("myeloid_lymphoid", "hedos_hcc") else pytest.mark.slow)
    for name in shipped_models()
    if name != "abscopal_cd8"
]
"""The default model and a small one; the others share their blocks and their solver.

The one that follows lesions must know which are irradiated (tests/against_scipy/test_abscopal.py).
"""
