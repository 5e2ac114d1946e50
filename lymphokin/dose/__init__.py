"""Dose to circulating lymphocytes."""

from lymphokin.dose.immune import ImmuneDose, immune_dose_log_sd, reference_immune_dose

__all__ = ["ImmuneDose", "immune_dose_log_sd", "reference_immune_dose"]
