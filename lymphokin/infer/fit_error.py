"""The error of a fit that could not start, or whose sampler could not move."""


class FitError(ValueError):
    """A fit that failed: what went wrong, and what to do."""
