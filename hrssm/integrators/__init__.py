"""Geometric integrators: one step of a flow, its method given as data."""
