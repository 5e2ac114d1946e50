"""The design report: one HTML file for the team that designs a trial."""

from lymphokin.trial.report.contents import DesignContents, assumptions_of, design_contents
from lymphokin.trial.report.model_part import ModelPart, model_part
from lymphokin.trial.report.page import render_design_report

__all__ = [
    "DesignContents",
    "ModelPart",
    "assumptions_of",
    "design_contents",
    "model_part",
    "render_design_report",
]
