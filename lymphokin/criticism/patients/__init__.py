"""Are the patients as the hierarchy says: random effects, shrinkage, covariates."""
