"""Dose to circulating lymphocytes."""

from lymphokin.dose.immune import ImmuneDose, reference_immune_dose

__all__ = ["ImmuneDose", "reference_immune_dose"]
