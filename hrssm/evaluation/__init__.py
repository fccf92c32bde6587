"""Evaluation: from posteriors and ground truth to numbers, and the controls that need no model."""

from hrssm.evaluation.clock import blind_clock, reconstruction_floors
from hrssm.evaluation.measure import METRICS, Protocol, measure
from hrssm.evaluation.trajectories import Trajectories

__all__ = ["METRICS", "Protocol", "Trajectories", "blind_clock", "measure", "reconstruction_floors"]
