"""What every page shares: drawing, wording, and pictures and equations of a model."""
