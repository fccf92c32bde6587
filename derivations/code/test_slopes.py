"""Every backward pass written by hand is the derivative of its function's meaning, and a wrong one is refused."""

from __future__ import annotations

import pytest
import torch

from derivations.code import slopes
from hrssm.distributions import riemannian_normal
from hrssm.distributions.numerics import gamma_functions, stable

POLAR = riemannian_normal._Polar.backward


@pytest.mark.parametrize("name", slopes.SLOPES)
def test_a_backward_pass_is_the_derivative(name: str) -> None:
    found = slopes.examine(name)
    assert found.verdict == "true", found.detail


@pytest.mark.parametrize(
    ("function", "backward"),
    [
        (stable._ExpGap, lambda ctx, grad: grad * torch.exp(ctx.saved_tensors[0])),
        (stable._ExpGap, lambda ctx, grad: torch.expm1(ctx.saved_tensors[0])),
        (stable._LogRatio, lambda ctx, grad: (grad / ctx.saved_tensors[0], grad / ctx.saved_tensors[1])),
        (
            gamma_functions._DigammaNext,
            lambda ctx, grad: grad * torch.digamma(ctx.saved_tensors[0]),
        ),
        (riemannian_normal._Polar, lambda ctx, grad: (grad, *POLAR(ctx, grad)[1:])),
    ],
    ids=["another function", "no upstream gradient", "a sign", "a lower order", "an isometry taken for a shift"],
)
def test_a_wrong_backward_pass_is_refused(function, backward, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(function, "backward", staticmethod(backward))
    assert slopes.examine(f"{function.__module__}.{function.__name__}").verdict == "false"


def test_no_backward_pass_is_left_out() -> None:
    written = set(slopes.functions())
    assert written <= set(slopes.SLOPES) | set(slopes.NUMERIC)
    assert written >= set(slopes.SLOPES)
