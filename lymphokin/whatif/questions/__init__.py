"""Questions that ask a what-if many times: scans, options, further counts, other models."""
