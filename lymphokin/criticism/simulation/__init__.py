"""Is the sampler calibrated: simulation-based calibration."""
