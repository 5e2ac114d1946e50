"""What happens to one patient under another schedule: the engine behind page and command line."""
