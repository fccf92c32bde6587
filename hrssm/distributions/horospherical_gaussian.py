"""The Horospherical Gaussian and its coupled generalisation HG_kappa."""

from __future__ import annotations

import math
from typing import ClassVar, NamedTuple

import torch
from torch import Size, Tensor
from torch.distributions import constraints
from torch.distributions.kl import register_kl

from hrssm.distributions.base import HyperbolicDistribution, floating, real_vector
from hrssm.distributions.numerics.precision import wide, wide_dtype
from hrssm.distributions.numerics.stable import exp_gap, held, log_ratio

__all__ = ["HorosphericalGaussian", "KLTerms", "kl_terms", "log_drift_moment", "sample"]

_HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)


class KLTerms(NamedTuple):
    """The three non-negative terms of the KL, each of the batch shape; the KL is their sum."""

    height: Tensor
    fibre: Tensor
    drift: Tensor

    def total(self) -> Tensor:
        """The KL itself."""
        return self.height + self.fibre + self.drift


class HorosphericalGaussian(HyperbolicDistribution):
    """tau ~ N(mu, sigma^2), b given tau ~ N(beta, s^2 exp(2 mu + 2 kappa (tau - mu)) I) (`hgk-density`).

    With coupling kappa = 1, the default, the density with respect to the Riemannian volume is
    exp(-(tau - mu)^2 / (2 sigma^2) - |b - beta|^2 exp(-2 tau) / (2 s^2)) / Z and Z does not depend on mu
    (`hg-normaliser`). kappa = 1/2 is the coupling closest to the Riemannian normal (`a4-coupling`).

    Parameters, with batch shape B and m = d - 1 >= 1:
        height_loc: mu (B).
        fibre_loc: beta (B, m).
        height_scale: sigma (B), positive.
        fibre_scale: s, positive: one scale (B), or one per fibre coordinate (B, m). It is read as
            per-coordinate exactly when it has one axis more than the batch, that is more than height_loc,
            height_scale and fibre_loc[..., 0] have.
        coupling: kappa, a number or a tensor (B).

    Raises ValueError where shapes do not broadcast, or (with validate_args) a parameter is out of its domain.

    >>> q = HorosphericalGaussian(torch.zeros(5), torch.zeros(5, 3), torch.ones(5), torch.ones(5))
    >>> q.batch_shape, q.event_shape, q.rsample().shape
    (torch.Size([5]), torch.Size([4]), torch.Size([5, 4]))
    >>> torch.distributions.kl_divergence(q, q)
    tensor([0., 0., 0., 0., 0.])
    """

    arg_constraints: ClassVar = {
        "height_loc": constraints.real,
        "fibre_loc": real_vector,
        "height_scale": constraints.positive,
        "fibre_scale": constraints.positive,
    }
    _further = ("coupling",)

    def __init__(
        self,
        height_loc: Tensor | float,
        fibre_loc: Tensor,
        height_scale: Tensor | float,
        fibre_scale: Tensor | float,
        coupling: Tensor | float = 1.0,
        validate_args: bool | None = None,
    ) -> None:
        if fibre_loc.dim() < 1 or fibre_loc.shape[-1] < 1:
            raise ValueError(
                f"fibre_loc has shape {tuple(fibre_loc.shape)}; it needs a last axis of d - 1 >= 1 numbers."
            )
        fibre_loc, height_loc, height_scale, fibre_scale = floating(fibre_loc, height_loc, height_scale, fibre_scale)
        rank = max(height_loc.dim(), height_scale.dim(), fibre_loc.dim() - 1)
        per_coordinate = fibre_scale.dim() > rank
        fibre = fibre_loc.shape[-1]
        if per_coordinate and fibre_scale.shape[-1] not in (1, fibre):
            raise ValueError(
                f"fibre_scale has shape {tuple(fibre_scale.shape)}, one axis more than the batch, so its "
                f"last axis must be the {fibre} fibre coordinates; drop that axis for one scale."
            )
        batch = torch.broadcast_shapes(
            height_loc.shape,
            height_scale.shape,
            fibre_loc.shape[:-1],
            fibre_scale.shape[:-1] if per_coordinate else fibre_scale.shape,
            coupling.shape if isinstance(coupling, Tensor) else (),
        )
        self.height_loc = height_loc.expand(batch)
        self.fibre_loc = fibre_loc.expand((*batch, fibre))
        self.height_scale = height_scale.expand(batch)
        self.fibre_scale = fibre_scale.expand((*batch, fibre) if per_coordinate else batch)
        self.coupling = coupling.to(fibre_loc.dtype).expand(batch) if isinstance(coupling, Tensor) else float(coupling)
        super().__init__(batch, torch.Size((fibre + 1,)), validate_args=validate_args)
        if self._validate_args and not _all_finite(self.coupling):
            raise ValueError(f"coupling must be finite, got {self.coupling}; 1 is the Horospherical Gaussian.")

    def expand(self, batch_shape: Size | tuple[int, ...], _instance: object = None) -> HorosphericalGaussian:
        batch = torch.Size(batch_shape)
        columns = batch + self.fibre_loc.shape[-1:]
        coupling = self.coupling
        return self._rebuilt(
            HorosphericalGaussian,
            _instance,
            batch,
            height_loc=self.height_loc.expand(batch),
            fibre_loc=self.fibre_loc.expand(columns),
            height_scale=self.height_scale.expand(batch),
            fibre_scale=self.fibre_scale.expand(columns if self.per_coordinate else batch),
            coupling=coupling.expand(batch) if isinstance(coupling, Tensor) else coupling,
        )

    @property
    def per_coordinate(self) -> bool:
        """Whether each fibre coordinate has its own scale."""
        return self.fibre_scale.dim() > self.height_loc.dim()

    @property
    def loc(self) -> Tensor:
        """(mu, beta) as one point, batch_shape + (d,)."""
        return torch.cat((self.height_loc.unsqueeze(-1), self.fibre_loc), dim=-1)

    @property
    def mean(self) -> Tensor:
        """Expectation of the coordinates, (E tau, E b) = (mu, beta), batch_shape + (d,) (`hg-moments`)."""
        return self.loc

    @property
    def mode(self) -> Tensor:
        """Maximum of the density: tau = mu + m (1 - kappa) sigma^2, b = beta (`hg-moments`)."""
        lift = self.fibre_loc.shape[-1] * (1 - self.coupling) * self.height_scale.square()
        return torch.cat(((self.height_loc + lift).unsqueeze(-1), self.fibre_loc), dim=-1)

    @property
    def variance(self) -> Tensor:
        """Variances of the coordinates: sigma^2 and s^2 exp(2 mu + 2 kappa^2 sigma^2) (`hg-moments`)."""
        height = self.height_scale.square()
        growth = torch.exp(2 * self.height_loc + 2 * (self.coupling * self.height_scale).square())
        fibre = self._fibre_row.square() * growth.unsqueeze(-1)
        return torch.cat((height.unsqueeze(-1), fibre.expand_as(self.fibre_loc)), dim=-1)

    @property
    def attenuation(self) -> Tensor:
        """E exp(tau) = exp(mu + sigma^2 / 2), batch shape (`hg-mgf`)."""
        return torch.exp(self.height_loc + self.height_scale.square() / 2)

    def moved(self, g: Tensor) -> HorosphericalGaussian:
        """The law of isometry(g, z): the locations move, scales and coupling stay (`hg-kl-isometry`)."""
        return HorosphericalGaussian(
            self.height_loc + g[..., 0],
            torch.exp(g[..., :1]) * self.fibre_loc + g[..., 1:],
            self.height_scale,
            self.fibre_scale,
            self.coupling,
            validate_args=self._validate_args,
        )

    def rsample_from(self, noise: Tensor) -> Tensor:
        """tau = mu + sigma t, b = beta + s exp(mu + kappa sigma t) eps for noise (t, eps) (`hg-sampler`)."""
        coupling = self.coupling.unsqueeze(-1) if isinstance(self.coupling, Tensor) else self.coupling
        return sample(
            self.height_loc.unsqueeze(-1),
            self.fibre_loc,
            self.height_scale.unsqueeze(-1),
            self._fibre_row,
            noise,
            coupling,
        )

    def rsample_and_log_prob(
        self, sample_shape: Size | tuple[int, ...] = (), *, noise: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """A sample and its log-density, which needs the noise and the scales alone (`hgk-density`)."""
        noise = self.base_noise(sample_shape) if noise is None else noise
        log_prob = -0.5 * noise.square().sum(-1) - self._log_normaliser()
        if not _is_one(self.coupling):
            tilt = self.fibre_loc.shape[-1] * (1 - self.coupling) * self.height_scale
            log_prob = log_prob + tilt * noise[..., 0]
        return self.rsample_from(noise), log_prob

    def log_prob(self, value: Tensor) -> Tensor:
        """Log-density with respect to the Riemannian volume, (...) for value (..., d) (`hgk-density`).

        Worked out in float64 where there is one: in many dimensions the quadratic form and log Z nearly cancel.
        """
        if self._validate_args:
            self._validate_sample(value)
        # split, not two slices: its backward is one concatenation
        value = wide(value)
        height, side = value.split((1, self.fibre_loc.shape[-1]), dim=-1)
        height, height_loc = height.squeeze(-1), self.height_loc.to(value.dtype)
        step = height - height_loc
        kappa_one = _is_one(self.coupling)
        log_shrink = -height if kappa_one else -height_loc - self.coupling * step
        # Scaled before it is squared, half at a time: far up or down a factor alone would leave the range of numbers.
        half = torch.exp(held(log_shrink / 2, height)).unsqueeze(-1)
        spread = ((side - self.fibre_loc) * (half / self._fibre_row) * half).square().sum(-1)
        log_prob = -0.5 * ((step / self.height_scale).square() + spread) - self._log_normaliser(value.dtype)
        log_prob = log_prob if kappa_one else log_prob + self.fibre_loc.shape[-1] * (1 - self.coupling) * step
        return log_prob.to(self.fibre_loc.dtype)

    def entropy(self) -> Tensor:
        """Entropy with respect to the volume, log Z + d / 2: free of mu and of kappa (`hg-entropy`)."""
        return self._log_normaliser() + 0.5 * (self.fibre_loc.shape[-1] + 1)

    def _log_normaliser(self, dtype: torch.dtype | None = None) -> Tensor:
        """log(sqrt(2 pi) sigma (2 pi s^2)^(m/2)), batch shape (`hg-normaliser`)."""
        fibre = self.fibre_loc.shape[-1]
        widths = torch.log(self.fibre_scale.to(dtype))
        widths = widths.sum(-1) if self.per_coordinate else fibre * widths
        return torch.log(self.height_scale.to(dtype)) + widths + (fibre + 1) * _HALF_LOG_TWO_PI

    @property
    def _fibre_row(self) -> Tensor:
        """The fibre scale with a last axis that broadcasts against the fibre coordinates."""
        return self.fibre_scale if self.per_coordinate else self.fibre_scale.unsqueeze(-1)

    def _like(self) -> Tensor:
        return self.fibre_loc


def sample(
    height_loc: Tensor,
    fibre_loc: Tensor,
    height_scale: Tensor,
    fibre_scale: Tensor,
    noise: Tensor,
    coupling: Tensor | float = 1.0,
    *,
    height_max: float | None = None,
) -> Tensor:
    """tau = mu + sigma t, b = beta + s exp(mu + kappa (tau - mu)) eps, (..., d), for noise (t, eps) (`hg-sampler`).

    Heights (..., 1), fibre_loc (..., m), fibre_scale (..., 1 or m), noise (..., d). `height_max` holds tau in
    [-height_max, height_max], as the write-up does; the law's own sampler has no such bound.
    """
    height_noise, fibre_noise = noise.split((1, fibre_loc.shape[-1]), -1)
    height = torch.addcmul(height_loc, height_scale, height_noise)
    if height_max is not None:
        height = height.clamp(-height_max, height_max)
    exponent = height if _is_one(coupling) else height_loc + coupling * (height - height_loc)
    return torch.cat((height, torch.addcmul(fibre_loc, fibre_scale * exponent.exp(), fibre_noise)), -1)


def log_drift_moment(q: HorosphericalGaussian, p: HorosphericalGaussian) -> Tensor:
    """log E exp(-2 mu_p - 2 kappa_p (tau - mu_p)) under tau ~ q, by which the drift term grows, batch shape (`hg-mgf`).

    In float64 where there is one: rounding a large exponent in float32 would move its exponential by many roundings.
    """
    dtype = wide_dtype(q.height_loc.device)
    height_scale, height_loc = q.height_scale.to(dtype), q.height_loc.to(dtype)
    if _is_one(p.coupling):
        return 2 * (height_scale.square() - height_loc)
    other = p.height_loc.to(dtype)
    return 2 * ((p.coupling * height_scale).square() - other - p.coupling * (height_loc - other))


def kl_terms(q: HorosphericalGaussian, p: HorosphericalGaussian, *, log_drift_max: float | None = None) -> KLTerms:
    """The height, fibre and drift terms of KL(q, p), exact, each >= 0 and of the broadcast batch shape.

    `log_drift_max` holds `log_drift_moment` below it, which takes the drift's gradient in q's height away where it acts
    and makes the sum less than the KL (`hg-drift-clamp`); None, the default, is exact.

    Both with kappa = 1: `hg-kl-height`, `hg-kl-fibre`, `hg-kl-drift`; one kappa on both sides: `hgk-kl`;
    different couplings: `hgk-kl-mixed`, whose fibre term holds m (kappa_q - kappa_p)^2 sigma_q^2 besides.

    Raises ValueError where the dimensions differ.
    """
    if q.event_shape != p.event_shape:
        raise ValueError(
            f"KL between HorosphericalGaussians of event shapes {tuple(q.event_shape)} and "
            f"{tuple(p.event_shape)}: both must live on the same H^d."
        )
    fibre = q.fibre_loc.shape[-1]
    shift = q.height_loc - p.height_loc
    height_gap = exp_gap(2 * log_ratio(q.height_scale, p.height_scale))
    height = 0.5 * (height_gap + (shift / p.height_scale).square())

    if q.per_coordinate == p.per_coordinate:
        widths = 2 * log_ratio(q.fibre_scale, p.fibre_scale)
    else:
        widths = 2 * log_ratio(q._fibre_row, p._fibre_row)
    columns = q.per_coordinate or p.per_coordinate
    if not _is_one(p.coupling):
        widths = widths + _column(2 * (1 - p.coupling) * shift, columns)
    same_coupling = q.coupling is p.coupling or (
        not isinstance(q.coupling, Tensor) and not isinstance(p.coupling, Tensor) and q.coupling == p.coupling
    )
    mismatch = None
    if not same_coupling:
        mismatch = ((q.coupling - p.coupling) * q.height_scale).square()
        widths = widths + _column(2 * mismatch, columns)
    gap = exp_gap(widths)
    fibre_term = 0.5 * (gap.sum(-1) if columns else fibre * gap)
    if mismatch is not None:
        fibre_term = fibre_term + fibre * mismatch

    offset, log_moment = q.fibre_loc - p.fibre_loc, log_drift_moment(q, p)
    if log_drift_max is not None:
        log_moment = log_moment.clamp(max=log_drift_max)
    # Scaled before it is squared, half at a time: far down a factor alone would leave the range of float32.
    half = torch.exp(held(log_moment / 4, q.height_loc)).to(offset.dtype).unsqueeze(-1)
    drift = 0.5 * (offset * (half / p._fibre_row) * half).square().sum(-1)
    return KLTerms(height.expand_as(drift), fibre_term.expand_as(drift), drift)


@register_kl(HorosphericalGaussian, HorosphericalGaussian)
def _kl_horospherical_gaussian(q: HorosphericalGaussian, p: HorosphericalGaussian) -> Tensor:
    return kl_terms(q, p).total()


def _column(x: Tensor, columns: bool) -> Tensor:
    return x.unsqueeze(-1) if columns else x


def _is_one(coupling: Tensor | float) -> bool:
    return not isinstance(coupling, Tensor) and coupling == 1.0


def _all_finite(coupling: Tensor | float) -> bool:
    return bool(torch.isfinite(coupling).all()) if isinstance(coupling, Tensor) else math.isfinite(coupling)
