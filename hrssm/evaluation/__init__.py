"""Evaluation: from arrays to numbers, and the controls that need no model; one thing a module."""
