"""What is judged of a patient: endpoints by name, and the numbers that they make of a curve."""

from lymphokin.endpoints.declared import (
    DEFAULT,
    EVENT_BY_DAY,
    ON_A_DAY,
    Endpoint,
    at_day,
    event_by,
    read_endpoint,
    shipped_endpoints,
)
from lymphokin.endpoints.of_model import followed_by_days, require_quantity

__all__ = [
    "DEFAULT",
    "EVENT_BY_DAY",
    "ON_A_DAY",
    "Endpoint",
    "at_day",
    "event_by",
    "followed_by_days",
    "read_endpoint",
    "require_quantity",
    "shipped_endpoints",
]
