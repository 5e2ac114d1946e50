"""The hospitals of the tests of a validation, whose truth is known."""

from tests.validation.conftest import known, level_model, level_run

__all__ = ["known", "level_model", "level_run"]
