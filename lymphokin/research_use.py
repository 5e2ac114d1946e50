"""The sentence that stands wherever results are shown."""

RESEARCH_USE = "Research use only. Not a medical device; not for decisions about patients."
