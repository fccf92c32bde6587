"""The first ten minutes with `hrssm.distributions`, as doctests: python -m doctest examples/quickstart.py

A law on H^4, with batch shape (3,). A point is (tau, b): the height first.

>>> import torch
>>> from torch.distributions import kl_divergence
>>> from hrssm.distributions import HorosphericalGaussian, RiemannianNormal, WrappedNormal, kl_terms
>>> _ = torch.manual_seed(0)
>>> q = HorosphericalGaussian(torch.zeros(3), torch.randn(3, 3), torch.full((3,), 0.5), torch.full((3,), 0.3))
>>> prior = HorosphericalGaussian(0.0, torch.zeros(3), 1.0, 1.0)
>>> z, log_prob = q.rsample_and_log_prob()
>>> z.shape, log_prob.shape
(torch.Size([3, 4]), torch.Size([3]))

The KL is exact, and the sum of three terms that are each non-negative.

>>> kl = kl_divergence(q, prior)
>>> bool((kl == kl_terms(q, prior).total()).all())
True

Draw the noise yourself where a sample must not depend on what else was drawn.

>>> noise = q.base_noise(generator=torch.Generator().manual_seed(7))
>>> bool((q.rsample_from(noise) == q.rsample_from(noise)).all())
True

Where there is no closed form, the type says so.

>>> w = WrappedNormal(torch.zeros(3, 4), torch.ones(3, 4))
>>> estimate = kl_divergence(w, prior)
>>> type(estimate).__name__, estimate.num_samples, estimate.standard_error.shape
('MonteCarloEstimate', 64, torch.Size([3]))

The Horospherical Gaussian nearest to a Riemannian normal, and how near it is.

>>> r = RiemannianNormal(torch.zeros(4), torch.tensor(0.1))
>>> [f"{float(kl_divergence(r, r.recentred(coupling))):.1e}" for coupling in (1.0, 0.5)]
['8.4e-03', '1.5e-05']
"""
