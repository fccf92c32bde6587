"""Replay: how often an entry is drawn by its age, and laws that lean towards the new."""
