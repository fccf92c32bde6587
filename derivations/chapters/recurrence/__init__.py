"""Recurrent states: how their norm, their gradient and their precision grow under each kind of update."""
