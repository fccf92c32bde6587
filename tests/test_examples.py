"""The examples run, and every latent family trains."""

from __future__ import annotations

import doctest

import pytest
import torch

from examples import quickstart, vae


@pytest.mark.parametrize("latent", list(vae.LATENTS))
def test_every_latent_trains(latent: str) -> None:
    first, _ = vae.train(latent, steps=1)
    error, kl = vae.train(latent, steps=30)
    assert error < 0.7 * first
    assert 0 < kl < 100


def test_quickstart() -> None:
    assert doctest.testmod(quickstart).failed == 0


def test_vae_by_hand() -> None:
    """The loss is finite and reaches the encoder for a batch of one."""
    torch.manual_seed(0)
    model = vae.VAE("horospherical")
    error, kl, q = model(torch.rand(1, 64))
    (error + kl).backward()
    assert q.batch_shape == (1,)
    assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in model.parameters())
