"""The made-up antibody in a model that knows no infusion of it."""

import tomllib
from pathlib import Path
from types import SimpleNamespace

import lymphokin as lk
from tests.infused import antibody

MODEL = Path(antibody.__file__)


class AtOnce(antibody.Antibody):
    """The antibody, given at once."""

    def flows(self, y, p, u):
        return super().flows(y, p, SimpleNamespace(rate=SimpleNamespace(mab=0.0)))


def at_once_model() -> lk.Model:
    table = tomllib.loads(MODEL.with_suffix(".toml").read_text(encoding="utf-8"))
    return lk.make_model("at_once", (AtOnce(), antibody.Lymphocytes()), table)
