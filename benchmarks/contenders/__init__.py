"""What others would solve the same trial with: one file each, all from :mod:`.trial`."""
