"""The shipped heads put out the numbers that param-count states."""

from __future__ import annotations

import pytest

from derivations.chapters.objective.parameter_count import d, param_count
from hrssm.latents.table import latent

HEADS = ("hg", "hg-diagonal", "gaussian", "gaussian-two-scale")


@pytest.mark.parametrize("head", HEADS)
@pytest.mark.parametrize("dimension", [2, 3, 8, 31])
def test_a_head_puts_out_what_is_stated(head: str, dimension: int) -> None:
    stated = param_count.statement[HEADS.index(head)].rhs.subs(d, dimension)
    assert latent(head)(dimension).num_parameters == stated
