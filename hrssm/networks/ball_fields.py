"""Fields on the Poincare ball, out of covariant attention: potential, control, curl, chart scores, jump rate.

Each takes the `View` that points have of tokens and, where coordinates are needed, the points themselves. Covectors
come out in coordinates, ready for `hrssm.integrators.ball`. With a `PlainBody` in place of the attention, and numbers
in place of the view, each is its own control.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from hrssm.geometry import ball
from hrssm.geometry.ball import Isometry
from hrssm.networks.attention import CovariantAttention, PlainBody
from hrssm.networks.layers import Generators, Linear
from hrssm.networks.tokens import Placed, View

__all__ = [
    "ChartScores",
    "Control",
    "Curl",
    "JumpRate",
    "Potential",
    "jump_log_likelihood",
]

Body = CovariantAttention | PlainBody
Seen = View | Tensor


class Potential(Placed):
    """Phi(z), and a force beside it that is not its slope.

    Phi = -outward d + (1 - outward) V + risk_weight R + (confinement / 2) d^2 with d the distance from a base point, V
    and R scalars of two bodies. `force_heads` gives the covector that two vector heads make of the same parts: nothing
    says that it is a gradient. The published potential has confinement 0 and so no stationary law.
    """

    def __init__(
        self,
        generators: Generators,
        dimension: int,
        critic: Body,
        risk: Body,
        *,
        outward: float = 0.5,
        risk_weight: float = 0.01,
        confinement: float = 1.0,
    ) -> None:
        super().__init__()
        self.critic, self.risk = critic, risk
        self.outward, self.risk_weight, self.confinement = outward, risk_weight, confinement
        self.base: Tensor
        self.register_buffer("base", torch.zeros(len(generators), 1, dimension, device=generators[0].device))

    def move(self, isometry: Isometry) -> None:
        self.base.copy_(isometry(self.base))

    def forward(self, z: Tensor, seen: Seen) -> Tensor:
        """Phi (M, B) at points z (M, B, D)."""
        learned = (1 - self.outward) * self.critic(seen).scalars + self.risk_weight * self.risk(seen).scalars
        square = ball.distance_squared(z, self.base)
        # The cusp of -d at the base point is rounded off over a distance of 0.01.
        return learned.squeeze(-1) - self.outward * torch.sqrt(square + 1e-4) + self.confinement / 2 * square

    def force_heads(self, z: Tensor, seen: Seen) -> Tensor:
        """A covector (M, B, D) in the place of -dPhi: the known parts' slopes and the bodies' vectors."""
        frame = (1 - self.outward) * self.critic(seen).vectors + self.risk_weight * self.risk(seen).vectors
        inward = ball.conformal_factor(z) * ball.log(z, self.base)
        push = self.outward / torch.sqrt(inward.square().sum(-1, keepdim=True) + 1e-4)
        return ball.conformal_factor(z) * (frame.squeeze(-2) + (self.confinement - push) * inward)


class Control(nn.Module):
    """A covector u(z), of a body with one vector: a control, or a momentum for points that come without one."""

    def __init__(self, body: Body) -> None:
        super().__init__()
        self.body = body

    def forward(self, z: Tensor, seen: Seen) -> Tensor:
        """u (M, B, D) at points z (M, B, D)."""
        return ball.conformal_factor(z) * self.body(seen).vectors.squeeze(-2)


class Curl(nn.Module):
    """An antisymmetric F(z), of a body with an even number of vectors x_1, y_1, x_2, ...: the sum of x_r ^ y_r.

    Components are those of a two-form: lambda^2 times those in the orthonormal frame.
    """

    def __init__(self, body: Body, strength: float = 0.1) -> None:
        super().__init__()
        self.body, self.strength = body, strength

    def forward(self, z: Tensor, seen: Seen) -> Tensor:
        """F (M, B, D, D) at points z (M, B, D)."""
        vectors = self.body(seen).vectors
        one, other = vectors[..., ::2, :], vectors[..., 1::2, :]
        product = one.transpose(-1, -2) @ other
        frame = product - product.transpose(-1, -2)
        return self.strength * ball.conformal_factor(z).square().unsqueeze(-1) * frame


class ChartScores(nn.Module):
    """A logit per chart: minus the distance to its centre over a learned width, and what features and action add."""

    def __init__(self, generators: Generators, attention: CovariantAttention, actions: int) -> None:
        super().__init__()
        self.attention = attention
        self.read = Linear(generators, attention.width, 1)
        self.from_action = Linear(generators, actions, attention.width)
        self.log_width = nn.Parameter(torch.zeros(len(generators), 1, 1, device=generators[0].device))

    def forward(self, view: View, actions: Tensor) -> Tensor:
        """Logits (M, B, K) at points that see K charts, about to take an action (M, B, A)."""
        distance = torch.sqrt((view.invariants[..., 0] + 1).square() - 1 + 1e-12)
        features = self.attention.features(view) * (1 + self.from_action(actions)).unsqueeze(2)
        learned = self.read(features.flatten(1, 2)).unflatten(1, features.shape[1:3]).squeeze(-1)
        return learned - distance * torch.exp(-self.log_width)


class JumpRate(nn.Module):
    """The rate (per unit of time) at which a point leaves its chart: softplus of a body's scalar."""

    def __init__(self, body: Body) -> None:
        super().__init__()
        self.body = body

    def forward(self, seen: Seen) -> Tensor:
        """(M, B), above 0."""
        return F.softplus(self.body(seen).scalars).squeeze(-1)


def jump_log_likelihood(rate: Tensor, jumped: Tensor, time: float) -> Tensor:
    """Log-probability, under a rate (...) that is constant for a time, of having jumped (bool) or not.

    log(1 - exp(-rate time)) or -rate time: unlike a sampled jump, which no gradient passes, it teaches the rate what
    the data do.
    """
    exposure = rate * time
    return torch.where(jumped, torch.log(-torch.expm1(-exposure)), -exposure)
