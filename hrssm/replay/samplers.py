"""Laws by which a replay draws a place among its n entries, 0 the oldest and n - 1 the newest.

Under one insertion and one draw a step, uniform draws favour the old: the entry inserted at step i of n is drawn
H_n - H_(i-1) times on average (formula `replay-uniform-counts`). The other laws lean towards the new. Two of them are
there to be compared with, not to be used: a law as its paper prints it, which is no distribution until it is divided
by its sum, and the one that its published code draws from.

Reference: time-balanced sampling is from Mattes et al., Hieros (arXiv 2310.05167); what is used here is its closed form
(formulas `replay-time-balanced`, `replay-time-balanced-inverse`, `replay-scale-invariant-counts`).
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = [
    "Beta",
    "Law",
    "Printed",
    "ScaleInvariant",
    "Shipped",
    "TimeBalanced",
    "Uniform",
    "beta_count",
    "beta_density",
    "beta_position",
    "time_balanced_count",
    "time_balanced_density",
    "time_balanced_position",
]


# ------------------------------------------------------------------------------- closed forms, traced to the formulas


def time_balanced_position(s: Tensor, tau: Tensor | float) -> Tensor:
    """y = s (1 - tau log s) in (0, 1] for s in (0, 1] (`replay-time-balanced`): uniform s gives a time-balanced y."""
    return s * (1 - tau * s.log())


def time_balanced_density(s: Tensor, tau: Tensor | float) -> Tensor:
    """The density 1 / (1 - tau - tau log s) at the place y that s is mapped to (`replay-time-balanced`)."""
    return 1 / (1 - tau - tau * s.log())


def time_balanced_count(s: Tensor, tau: Tensor | float) -> Tensor:
    """log(1 - tau log s) / tau, how often the entry at the place that s is mapped to has been drawn
    (`replay-time-balanced-counts`)."""
    return (1 - tau * s.log()).log() / tau


def beta_position(s: Tensor, power: Tensor | float) -> Tensor:
    """s^(1/a): uniform s gives a place of the law Beta(a, 1) (`replay-beta`)."""
    return s ** (1 / power)


def beta_density(y: Tensor, power: Tensor | float) -> Tensor:
    """The density a y^(a-1) of Beta(a, 1) (`replay-beta`)."""
    return power * y ** (power - 1)


def beta_count(r: Tensor, power: Tensor | float) -> Tensor:
    """a/(a - 1) (1 - r^(a-1)), how often the entry at relative age r has been drawn (`replay-beta`)."""
    return power / (power - 1) * (1 - r ** (power - 1))


# ---------------------------------------------------------------------------------------------------------- the laws


class Law(ABC):
    """A law on the places 0..n-1 of n entries by age, for every n."""

    @abstractmethod
    def place(self, s: Tensor, n: int) -> Tensor:
        """Places (...) int64 in 0..n-1 from numbers s (...) float64 that are uniform on (0, 1]."""

    @abstractmethod
    def probabilities(self, n: int) -> Tensor:
        """The probability (n,) float64 of each place."""

    def expected_counts(self, n: int) -> Tensor:
        """How often each of n entries (n,), the oldest first, has been drawn on average when n steps have inserted one
        entry and drawn one place each; exact, with a cost of n^2. They sum to n."""
        counts = torch.zeros(n, dtype=torch.float64)
        for k in range(1, n + 1):
            counts[:k] += self.probabilities(k)
        return counts

    def coverage(self, n: int, length: int) -> Tensor:
        """The probability (n,) of each entry to lie in a window of ``length`` whose start is drawn by this law.

        The law is one of window *starts*: whatever it is, the first and last ``length - 1`` entries lie in fewer
        windows than those between.
        """
        starts = self.probabilities(n - length + 1)
        return torch.conv1d(starts.view(1, 1, -1), torch.ones(1, 1, length, dtype=torch.float64), padding=length - 1)[
            0, 0
        ]


class ScaleInvariant(Law):
    """A law whose place is floor(n y), y drawn alike for every n."""

    @abstractmethod
    def position(self, s: Tensor) -> Tensor:
        """y (...) in (0, 1], increasing in s."""

    @abstractmethod
    def distribution_function(self, y: Tensor) -> Tensor:
        """P(Y <= y), the inverse of ``position``."""

    @abstractmethod
    def density(self, y: Tensor) -> Tensor:
        """The density g of Y at y in (0, 1)."""

    @abstractmethod
    def limiting_count(self, r: Tensor) -> Tensor:
        """N(r), the integral of g(y) / y from r to 1: the expected count of the entry at relative age r = i/n as n
        grows (`replay-scale-invariant-counts`). It falls to 0 at r = 1 whatever g is."""

    def place(self, s: Tensor, n: int) -> Tensor:
        return (n * self.position(s)).long().clamp_(max=n - 1)

    def probabilities(self, n: int) -> Tensor:
        return self.distribution_function(torch.arange(n + 1, dtype=torch.float64) / n).diff()


@dataclass(frozen=True)
class Uniform(ScaleInvariant):
    """Every place alike."""

    def position(self, s: Tensor) -> Tensor:
        return s

    def distribution_function(self, y: Tensor) -> Tensor:
        return y

    def density(self, y: Tensor) -> Tensor:
        return torch.ones_like(y)

    def limiting_count(self, r: Tensor) -> Tensor:
        return -r.log()


@dataclass(frozen=True)
class TimeBalanced(ScaleInvariant):
    """y = s (1 - tau log s): tau = 0 is uniform, a larger tau leans further towards the new, up to tau = 1.

    Raises ValueError for tau outside [0, 1], where the map is not increasing.
    """

    tau: float = 0.3

    def __post_init__(self) -> None:
        _check_tau(self.tau)

    def position(self, s: Tensor) -> Tensor:
        return time_balanced_position(s, self.tau)

    def distribution_function(self, y: Tensor) -> Tensor:
        """The s with s (1 - tau log s) = y. In closed form exp(1/tau + W_(-1)(-(y/tau) e^(-1/tau)))
        (`replay-time-balanced-inverse`), which is 0 times infinity for small tau; here by Newton's method.

        The map is concave and increasing, so from below the root the iterates rise to it. 1 - log s <= 2/sqrt(s) - 1
        gives the start.
        """
        inside = (y > 0) & (y < 1)
        y_in = torch.where(inside, y, 0.5)
        s = (y_in / (1 + (1 - y_in).sqrt())).square()
        for _ in range(30):
            step = (y_in - self.position(s)) / (1 - self.tau - self.tau * s.log())
            s = s + step
            if bool((step.abs() <= 4e-16 * s).all()):
                break
        return torch.where(inside, s, y.clamp(0, 1))

    def density(self, y: Tensor) -> Tensor:
        return time_balanced_density(self.distribution_function(y), self.tau)

    def limiting_count(self, r: Tensor) -> Tensor:
        if self.tau == 0:
            return -r.log()
        return time_balanced_count(self.distribution_function(r), self.tau)


@dataclass(frozen=True)
class Beta(ScaleInvariant):
    """y = s^(1/a), the law Beta(a, 1): a = 1 is uniform, a larger a leans towards the new, without bound.

    Raises ValueError unless a >= 1.
    """

    power: float = 1.5

    def __post_init__(self) -> None:
        if not self.power >= 1:
            raise ValueError(
                f"power = {self.power}: use a power of at least 1, which is uniform; 1.5 leans to the new."
            )

    def position(self, s: Tensor) -> Tensor:
        return beta_position(s, self.power)

    def distribution_function(self, y: Tensor) -> Tensor:
        return y**self.power

    def density(self, y: Tensor) -> Tensor:
        return beta_density(y, self.power)

    def limiting_count(self, r: Tensor) -> Tensor:
        if self.power == 1:
            return -r.log()
        return beta_count(r, self.power)


@dataclass(frozen=True)
class Printed(Law):
    """The law as printed, tau F(p) + (1 - tau) p at the uniform counts p_i = (H_n - H_(i-1)) / n, divided by its sum.

    F(x) = (x/n) (1 + log(n/x)) takes a place, but the print gives it a probability; so the weights do not sum to one
    (`replay-printed-mass`), and what is left of them favours the old even more than uniform draws do. A draw costs n.
    """

    tau: float = 0.3

    def __post_init__(self) -> None:
        _check_tau(self.tau)

    def weights(self, n: int) -> Tensor:
        """The weights (n,) as printed, which sum to less than one."""
        p = (1 / torch.arange(1, n + 1, dtype=torch.float64)).flip(0).cumsum(0).flip(0) / n
        return self.tau * p / n * (1 + (n / p).log()) + (1 - self.tau) * p

    def probabilities(self, n: int) -> Tensor:
        weights = self.weights(n)
        return weights / weights.sum()

    def place(self, s: Tensor, n: int) -> Tensor:
        return torch.searchsorted(self.probabilities(n).cumsum(0), s.contiguous()).clamp_(max=n - 1)


@dataclass(frozen=True)
class Shipped(Law):
    """What the published code draws from: x uniform on [2, n + 2), and the place floor(tau min(C F(x), n - 1) +
    (1 - tau)(x - 2)) with F the distribution function of the density proportional to log((n + 2)/x) on [2, n + 2].

    It mixes places instead of densities, and multiplies by the capacity C and not by the number n of entries: while
    n is far below C the first part is at its bound, and the oldest share tau of the entries is hardly drawn at all.
    """

    tau: float = 0.3
    capacity: int = 1_000_000

    def __post_init__(self) -> None:
        _check_tau(self.tau)

    def place(self, s: Tensor, n: int) -> Tensor:
        return self._mixed(2 + n * s, n).long().clamp_(0, n - 1)

    def probabilities(self, n: int) -> Tensor:
        # The mixed place increases with x: the x at which it passes each integer is found by bisection.
        wanted = torch.arange(1, n, dtype=torch.float64)
        low, high = torch.full_like(wanted, 2.0), torch.full_like(wanted, n + 2.0)
        for _ in range(60):
            middle = (low + high) / 2
            below = self._mixed(middle, n) < wanted
            low, high = torch.where(below, middle, low), torch.where(below, high, middle)
        ends = torch.tensor([2.0]), high, torch.tensor([n + 2.0])
        return torch.cat(ends).diff() / n

    def _mixed(self, x: Tensor, n: int) -> Tensor:
        top = torch.tensor(n + 2.0, dtype=torch.float64).log()
        two = torch.tensor(2.0, dtype=torch.float64).log()
        primitive = x * (x.log() - top - 1) - 2 * (two - top - 1)
        share = primitive / (2 * top - (n + 2) - 2 * two + 2)
        return self.tau * (self.capacity * share).clamp(max=n - 1) + (1 - self.tau) * (x - 2)


def _check_tau(tau: float) -> None:
    if not 0 <= tau <= 1:
        raise ValueError(
            f"tau = {tau}: it must be in [0, 1], from uniform (0) to the strongest lean towards the new (1); beyond 1 "
            "the map from uniform numbers to places is not increasing."
        )
