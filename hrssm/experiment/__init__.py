"""Experiment files: what is run, by which rule its claims are decided, and which figures it has."""
