"""What did the data teach: contraction, composites, sensitivity to the priors."""
