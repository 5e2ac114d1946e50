"""The design report: one HTML file for the team that designs a trial."""

from lymphokin.trial.report.contents import DesignContents, ModelPart, design_contents, model_part
from lymphokin.trial.report.page import render_design_report

__all__ = ["DesignContents", "ModelPart", "design_contents", "model_part", "render_design_report"]
