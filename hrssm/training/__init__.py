"""Training and evaluation of runs, and their records."""
