"""Experiment files: their schema, cells and claims."""

from hrssm.experiment.experiment import Experiment, ExperimentError, load, load_scale

__all__ = ["Experiment", "ExperimentError", "load", "load_scale"]
