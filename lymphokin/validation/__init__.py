"""Does a model hold for patients that nothing here was fitted to: another hospital's."""
