"""The report: one HTML file that shows a fit, its forecasts and how far to trust them.

The file needs no network and no script. Every figure is an inline SVG with an alternative text;
the figure functions return matplotlib figures, so that the same picture can be saved as PNG.
"""

from lymphokin.report.contents import ReportContents
from lymphokin.report.of_fit import report_contents
from lymphokin.report.page import render_report, write_report

__all__ = ["ReportContents", "render_report", "report_contents", "write_report"]
