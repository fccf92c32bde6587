"""Tests of the shapes that evaluation insists on."""

from __future__ import annotations

import numpy as np
import pytest

from hrssm.evaluation.trajectories import Trajectories

GRID = (3, 4)
WHOLE = {
    "nodes": np.zeros(GRID, dtype=int),
    "depth": np.zeros(GRID, dtype=int),
    "branch": np.zeros(GRID, dtype=int),
    "observations": np.zeros((*GRID, 5)),
    "reconstructions": np.zeros((*GRID, 5)),
    "location": np.zeros((*GRID, 2)),
    "has_height": True,
    "attenuation": np.ones(GRID),
    "kl_terms": {"kl": np.zeros(GRID)},
}


def test_matching_shapes_are_taken() -> None:
    assert Trajectories(**WHOLE).attenuation is not None
    assert Trajectories(**{**WHOLE, "attenuation": None}).attenuation is None


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"nodes": np.zeros(3, dtype=int)}, r"nodes has shape \(3,\)"),
        ({"depth": np.zeros((4, 3), dtype=int)}, r"depth has shape \(4, 3\)"),
        ({"attenuation": np.ones(4)}, "attenuation has shape"),
        ({"location": np.zeros((4, 3, 2))}, "location has shape"),
        ({"reconstructions": np.zeros((*GRID, 4))}, "reconstructions has shape"),
        ({"kl_terms": {"kl": np.zeros(GRID), "drift": np.zeros(4)}}, "'drift'"),
        ({"kl_terms": {"drift": np.zeros(GRID)}}, "must hold 'kl'"),
    ],
)
def test_other_shapes_are_named(change: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Trajectories(**{**WHOLE, **change})
