"""Commands in groups of their own; `lymphokin.cli` puts them together."""
