"""The claim of the wrapped normal."""

from __future__ import annotations

from derivations.code.claim import Claim
from derivations.engine.notation import coordinates
from hrssm.distributions.wrapped_normal import WrappedNormal

CLAIMS = (
    Claim(
        "hrssm.distributions.WrappedNormal.log_prob", "wn-density",
        lambda v, scale: WrappedNormal(0 * v, scale, validate_args=False)._log_prob_of_tangent(v),
        lambda d: [coordinates("v", d), coordinates("sigma", d, positive=True)], lambda f, d: f.in_coordinates(d).rhs,
        "of the tangent vector, which geo-log gives", guarded=("hrssm.geometry.series.log_sinhc",),
    ),
)  # fmt: skip
