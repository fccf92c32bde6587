"""Agents that learn in imagination: an S5 world model, actors and critics on it, levels that set each other goals."""
