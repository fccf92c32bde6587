"""What a covariant network looks at: tokens at places of the Poincare ball, and how a point sees them.

A token has a place, tangent vectors there (components in the orthonormal frame), and a label of plain numbers. A point
sees it through what no isometry changes: the distance to its place, and the products of the direction to it with its
vectors, carried to the point by the gyration. "Covariant" then means: move every place and vector of a model by an
isometry (`move`), and on moved input its scalars are the same and its vectors moved. All other weights are scalars. A
matrix on the coordinates of z would break this: it names directions that no geometry knows.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import NamedTuple

import torch
from torch import Tensor, nn

from hrssm.geometry import ball
from hrssm.geometry.ball import Isometry
from hrssm.networks.layers import Generators, normal

__all__ = ["ActionTokens", "ChartTokens", "Placed", "View", "join", "move", "see"]


class View(NamedTuple):
    """N tokens as a batch of points sees them.

    basis (M, B, N, 1 + V, D): at the point, in its orthonormal frame, the direction to the token (at distance d as long
    as d / sqrt(1 + d^2)) and its V vectors; invariants (M, B, N, 2 + V): sqrt(1 + d^2) - 1, 1 / (1 + d^2), and the
    products of the direction with the vectors; label (M, B or 1, N, L).
    """

    basis: Tensor
    invariants: Tensor
    label: Tensor


def see(z: Tensor, place: Tensor, vectors: Tensor, label: Tensor) -> View:
    """How points z (M, B, D) see tokens at places (M, N, D) with vectors (M, B or 1, N, V, D) and labels."""
    here, there = z.unsqueeze(-2), place.unsqueeze(-3)
    straight = ball.conformal_factor(here) * ball.log(here, there)
    reach = torch.sqrt(1 + straight.square().sum(-1, keepdim=True))
    direction = (straight / reach).unsqueeze(-2)
    carried = ball.gyration(here.unsqueeze(-2), -there.unsqueeze(-2), vectors)
    products = (carried * direction).sum(-1)
    invariants = torch.cat((reach - 1, reach.square().reciprocal(), products), -1)
    return View(torch.cat((direction, carried), -2), invariants, label)


def join(*views: View) -> View:
    """All tokens of several views by the same points, in one."""
    points = max(view.label.shape[1] for view in views)
    labels = torch.cat([view.label.expand(-1, points, -1, -1) for view in views], 2)
    basis, invariants = (torch.cat([view[k] for view in views], 2) for k in (0, 1))
    return View(basis, invariants, labels)


class Placed(nn.Module, ABC):
    """A module with places in the ball."""

    @abstractmethod
    def move(self, isometry: Isometry) -> None:
        """Moves the module's places, and what hangs on them, by an isometry, for all members."""


@torch.no_grad()
def move(module: nn.Module, isometry: Isometry) -> None:
    """Moves everything in a module that has a place in the ball."""
    for part in module.modules():
        if isinstance(part, Placed):
            part.move(isometry)


class Anchored(Placed):
    """N places with V frame vectors each, both learned.

    A place is exp_origin of a free vector, so that it never leaves the ball.
    """

    def __init__(self, generators: Generators, number: int, dimension: int, vectors: int, radius: float) -> None:
        super().__init__()
        self.free = normal(generators, number, dimension)
        with torch.no_grad():
            self.free *= torch.atanh(torch.tensor(radius)) / self.free.norm(dim=-1, keepdim=True)
        self.vectors = normal(generators, number, vectors, dimension, scale=dimension**-0.5)

    def places(self) -> Tensor:
        """(M, N, D), |place| < 1."""
        return ball.exp_origin(self.free)

    def move(self, isometry: Isometry) -> None:
        places = self.places()
        self.vectors.copy_(isometry.frame(places.unsqueeze(-2), self.vectors))
        self.free.copy_(ball.log_origin(isometry(places)))


class ActionTokens(Anchored):
    """A token per component of an action: at a learned base point, its vector and label scaled by the component.

    label = a e + b with learned e and b. Base points start at Euclidean radius 0.1.
    """

    def __init__(self, generators: Generators, actions: int, dimension: int, labels: int, *, vectors: int = 1) -> None:
        super().__init__(generators, actions, dimension, vectors, 0.1)
        self.slope = normal(generators, 1, actions, labels)
        self.offset = normal(generators, 1, actions, labels)

    def forward(self, z: Tensor, actions: Tensor) -> View:
        """The action's components (M, B, A) as points z (M, B, D) see them."""
        a = actions.unsqueeze(-1)
        vectors = a.unsqueeze(-1) * self.vectors.unsqueeze(1)
        return see(z, self.places(), vectors, torch.addcmul(self.offset, a, self.slope))


class ChartTokens(Anchored):
    """A token per chart: its centre, vectors there, and a learned label. Centres start at Euclidean radius 0.3.

    A chart has an orientation besides, an orthogonal R_k: the Cayley transform of a learned antisymmetric matrix, 0 at
    first. A point's coordinates in chart k are R_k ((-c_k) + z), a Mobius sum, and a jump keeps them (`jump`).
    """

    def __init__(self, generators: Generators, charts: int, dimension: int, labels: int, *, vectors: int = 1) -> None:
        super().__init__(generators, charts, dimension, vectors, 0.3)
        members, device = len(generators), generators[0].device
        self.label = normal(generators, 1, charts, labels)
        self.turn = nn.Parameter(torch.zeros(members, charts, dimension, dimension, device=device))
        self.orientation: Tensor
        self.register_buffer("orientation", torch.eye(dimension, device=device).repeat(members, charts, 1, 1))

    def forward(self, z: Tensor) -> View:
        """The charts as points z (M, B, D) see them."""
        return see(z, self.places(), self.vectors.unsqueeze(1), self.label)

    def rotations(self) -> Tensor:
        """R (M, K, D, D), orthogonal."""
        skew = self.turn - self.turn.transpose(-1, -2)
        identity = torch.eye(skew.shape[-1], dtype=skew.dtype, device=skew.device)
        return torch.linalg.solve(identity - skew, identity + skew) @ self.orientation

    def jump(self, z: Tensor, p: Tensor, source: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Points z (M, B, D) with covectors p, carried from charts `source` to `target` (M, B) at their coordinates.

        z' = c_t + R_t' R_s ((-c_s) + z): an isometry, so that p goes along; a jump there and back is none, and one by
        way of a third chart is the direct one.
        """
        places, rotations = self.places(), self.rotations()

        def of(table: Tensor, chart: Tensor) -> Tensor:
            return table[torch.arange(len(table), device=table.device).unsqueeze(-1), chart]

        turn = of(rotations, target).transpose(-1, -2) @ of(rotations, source)
        home, away = Isometry(-of(places, source)), Isometry(of(places, target), turn)
        local = home(z)
        return away(local), away.covector(local, home.covector(z, p))

    def move(self, isometry: Isometry) -> None:
        axes = torch.eye(self.free.shape[-1], dtype=self.free.dtype, device=self.free.device)
        # Rows are the images of the axes of the frames at the centres: the turn of the frames, transposed.
        self.orientation.copy_(self.orientation @ isometry.frame(self.places().unsqueeze(-2), axes))
        super().move(isometry)
