"""A population learns from the patients of one centre, and says whether that was worth it."""
