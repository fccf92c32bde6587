"""Agents: rewards that a level sets the one below it."""
