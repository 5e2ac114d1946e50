"""The default model with homeostatic feedback: few lymphocytes raise their own set point.

Friberg-type term (baseline / count) ** feedback; human evidence after radiotherapy is weak,
which is why the default model goes without. Numbers and sources in ``lymphocyte_feedback.toml``.
"""

from lymphokin.model import model_file

default = model_file("myeloid_lymphoid")


class FeedbackLymphoid(default.Lymphoid):
    """Lymphocytes of the default model with a feedback exponent on the living cells."""

    def set_point(self, y, p, u):
        depletion = p.lymphocyte_baseline / (y.fast + y.slow)
        return super().set_point(y, p, u) * depletion**p.feedback


blocks = (*default.blocks[:-1], FeedbackLymphoid())
