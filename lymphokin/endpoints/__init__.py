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

__all__ = [
    "DEFAULT",
    "EVENT_BY_DAY",
    "ON_A_DAY",
    "Endpoint",
    "at_day",
    "event_by",
    "read_endpoint",
    "shipped_endpoints",
]
