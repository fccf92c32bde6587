"""The 1797 handwritten digits of scikit-learn, 8 x 8, blown up to 64 x 64 and made binary: small and real."""

from __future__ import annotations

from typing import Any

import numpy as np

from hrssm.data.images import SIDE, ImageSet, Made, cached, packed
from hrssm.data.splits import stratified

__all__ = ["digits"]

_HALF = 8  # of the 16 levels of ink


def digits(*, seed: int) -> ImageSet:
    """The digits, a pixel on where half its ink or more is there; stratified by the attribute "label" by ``seed``.

    Raises ImportError without scikit-learn, which the extra `paper` holds.
    """
    return cached(__name__, {}, _make, stratified("label", seed), binary=True)


def _make() -> Made:
    from sklearn.datasets import load_digits

    data: Any = load_digits()
    scale = SIDE // data.images.shape[-1]
    large = np.kron(data.images >= _HALF, np.ones((1, scale, scale), dtype=np.bool_))
    return Made(packed(large[:, None].astype(np.bool_)), {"label": data.target.astype(np.int64)})
