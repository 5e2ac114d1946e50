"""Does the model describe the data: residuals, visual checks, goodness of fit."""
