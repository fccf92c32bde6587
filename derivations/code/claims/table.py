"""Which functions of `hrssm` compute which entries: the claims that `derivations.code.proof` proves.

The claims of each family stand together: how its functions are called on tensors, and how an entry's statement is
read in coordinates. What an entry says is always taken from the entry; only its symbols are put in here.
"""

from __future__ import annotations

from derivations.code.claim import Claim
from derivations.code.claims import (
    gaussian,
    gaussian_manifold,
    geometry,
    half_plane,
    horospherical,
    product,
    replay,
    riemannian_normal,
    wrapped_normal,
)

_MODULES = (
    geometry,
    half_plane,
    horospherical,
    riemannian_normal,
    wrapped_normal,
    gaussian,
    gaussian_manifold,
    product,
    replay,
)
CLAIMS: tuple[Claim, ...] = tuple(claim for module in _MODULES for claim in module.CLAIMS)
#: The module of each claim.
HOMES: tuple[str, ...] = tuple(module.__name__ for module in _MODULES for _ in module.CLAIMS)

QUADRATURE = "no closed form in the code: a quadrature of the entry's integral, its error measured in docs/accuracy.md"
ESTIMATE = "no closed form: an unbiased estimate, the mean of log q - log p over samples, typed as one"
_LAWS = "hrssm.distributions"
#: Public functions that compute an entry by quadrature or by sampling, so that there is no code to prove equal to it.
RESCALED = (
    "the horospherical function, which is proved, of rescaled coordinates over the root of the curvature; held by "
    "tests, as its branch for large distances is not yet proved in these coordinates"
)
TORCH = "PyTorch's own KL of the same two laws, in its own classes; held by tests"
MEASURE = "the KL of the laws themselves, as it does not depend on the base measure; held by tests"
NUMERIC: dict[str, tuple[str, str]] = {
    f"{_LAWS}.Gaussian.kl_Independent": ("normal-law", TORCH),
    f"{_LAWS}.Gaussian.kl_MultivariateNormal": ("normal-law", TORCH),
    f"{_LAWS}.Gaussian.kl_LowRankMultivariateNormal": ("normal-law", TORCH),
    f"{_LAWS}.CoordinateDensity.kl": ("hg-kl-measure-free", MEASURE),
    f"{_LAWS}.CoordinateDensity.kl_LatentDistribution": ("hg-kl-measure-free", MEASURE),
    "hrssm.geometry.half_plane.distance": ("gm-metric", RESCALED),
    "hrssm.geometry.half_plane.log_origin": ("geo-log", RESCALED),
    f"{_LAWS}.RiemannianNormal.entropy": ("rn-moment", QUADRATURE),
    f"{_LAWS}.RiemannianNormal.kl": ("rn-moment", QUADRATURE),
    f"{_LAWS}.RiemannianNormal.kl_HorosphericalGaussian": ("a4-exact", QUADRATURE),
    f"{_LAWS}.HorosphericalGaussian.kl_RiemannianNormal": ("a4-exact", QUADRATURE),
    f"{_LAWS}.WrappedNormal.entropy": (
        "wn-density",
        "no closed form: the mean of minus log q over samples, typed as an estimate",
    ),
    f"{_LAWS}.WrappedNormal.kl": ("wn-density", ESTIMATE),
    f"{_LAWS}.WrappedNormal.kl_HorosphericalGaussian": ("wn-density", ESTIMATE),
    f"{_LAWS}.HorosphericalGaussian.kl_WrappedNormal": ("wn-density", ESTIMATE),
    f"{_LAWS}.WrappedNormal.kl_RiemannianNormal": ("wn-density", ESTIMATE),
    f"{_LAWS}.RiemannianNormal.kl_WrappedNormal": ("wn-density", ESTIMATE),
}
