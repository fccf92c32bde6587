"""`kl`: one KL divergence by two roads, each to the digits asked for, and what the two prove about each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hrssm.reference.parameters import Horospherical, RiemannianNormal, read

if TYPE_CHECKING:
    from flint import arb

#: How often the working bits are doubled when a result is not good to the digits asked for.
DOUBLINGS = 4


@dataclass(frozen=True)
class Term:
    """One term of a KL: the ball from the closed form and the ball from the integral (nats)."""

    closed_form: arb
    integral: arb

    @property
    def agree(self) -> bool:
        """Whether the two balls overlap; if not, one of the two roads is proved wrong."""
        return bool(self.closed_form.overlaps(self.integral))

    @property
    def agreement(self) -> arb:
        """A ball that contains the difference of the two: how far apart they can be at most."""
        return self.closed_form - self.integral


@dataclass(frozen=True)
class Enclosure(Term):
    """KL(q, p) in nats as two balls, the terms it is the sum of, and the digits both are good for.

    Between horospherical laws `closed_form` is that; against a Riemannian normal, where none is known, it is the road
    that has more in closed form. `roads` names the two, in this order, and says what each computes and how sure it is.
    """

    terms: Mapping[str, Term]
    digits: int
    roads: Mapping[str, str]

    def __str__(self) -> str:
        first, second = self.roads
        rows = {
            first: self.closed_form.str(self.digits),
            second: self.integral.str(self.digits),
            "difference": f"{self.agreement.str(3)}: the two {'agree' if self.agree else 'DISAGREE'}",
        }
        rows |= {f"  {name}": term.closed_form.str(self.digits) for name, term in self.terms.items()}
        width = max(map(len, rows))
        lines = [f"{name:<{width}}  {value}" for name, value in rows.items()]
        return "\n".join([*lines, *(f"{name}: {words}" for name, words in self.roads.items())])


def kl(q: Any, p: Any, digits: int = 50) -> Enclosure:
    """KL(q, p) in nats by closed form and by an independent rigorous integral, as Arb balls.

    `q` and `p` are horospherical Gaussians of any coupling, or one of them is a Riemannian normal; they are given as a
    mapping, as text, or as an unbatched distribution of `hrssm.distributions`, with every number a decimal string, a
    fraction or a float (which stands for the binary number it holds). `digits` >= 1 significant decimal digits
    are certain in both results (for a KL below 1, digits after the point). Against a Riemannian normal no closed form
    is known, and both roads are rigorous integrals.

    Source: `hg-kl`, `hgk-kl-mixed`, `rn-normaliser`. Raises ImportError without python-flint, ValueError for a
    parameter out of its domain or sets of different dimension, and ArithmeticError when the digits cannot be had.

    >>> result = kl("mu=0, beta=[0.5], sigma=1, s=1", "mu=0, beta=[0], sigma=1, s=1", digits=20)
    >>> result.agree
    True
    >>> print(result.closed_form.str(20, radius=False))
    0.92363201236633127840
    """
    try:
        from flint import ctx
    except ImportError as error:
        raise ImportError(
            "hrssm.reference needs python-flint, which is not installed: pip install 'hrssm[paper,proofs]'"
        ) from error
    from hrssm.reference.quadrature import TooManyNodes

    if digits < 1:
        raise ValueError(f"digits was given as {digits}; allowed is an integer >= 1")
    q, p = read(q, "q"), read(p, "p")
    if isinstance(q, RiemannianNormal) and isinstance(p, RiemannianNormal):
        raise ValueError("q and p were both given as Riemannian normals; allowed is one at most")
    if q.dim != p.dim:
        raise ValueError(f"q lives on H^{q.dim} and p on H^{p.dim}; allowed are two laws on the same space")
    enough = int(digits * 3.3219281) + 64
    for bits in (enough << k for k in range(DOUBLINGS)):
        with ctx.workprec(bits):
            try:
                closed, integral, roads = _terms(q, p)
            except TooManyNodes:
                raise
            except ArithmeticError:  # too few bits to prove a tail or a sign
                continue
            terms = {name: Term(closed[name], integral[name]) for name in closed}
            total = Term(_sum(t.closed_form for t in terms.values()), _sum(t.integral for t in terms.values()))
            if _good(total.closed_form, digits) and _good(total.integral, digits):
                return Enclosure(total.closed_form, total.integral, terms, digits, roads)
    raise ArithmeticError(f"{digits} digits need more than {enough << (DOUBLINGS - 1)} bits; ask for fewer digits")


def _sum(balls: Any) -> arb:
    from flint import arb

    total = arb(0)
    for ball in balls:
        total += ball
    return total


def _good(ball: arb, digits: int) -> bool:
    """Whether a ball is finite and certain to `digits` digits, relative to its size or to 1, whichever is larger."""
    return bool(ball.is_finite()) and bool(2 * ball.rad() * 10**digits <= max(abs(float(ball.mid())), 1.0))


def _terms(
    q: Horospherical | RiemannianNormal, p: Horospherical | RiemannianNormal
) -> tuple[dict[str, arb], dict[str, arb], dict[str, str]]:
    from hrssm.reference import horospherical, riemannian

    if isinstance(q, RiemannianNormal):
        assert isinstance(p, Horospherical)
        return riemannian.backward(q, p)
    if isinstance(p, RiemannianNormal):
        return riemannian.forward(q, p)
    roads = {
        "closed form": f"height, fibre and drift terms. {riemannian.EXACT}",
        "integral": f"q log(q / p) over the height and the fibre. {riemannian.RIGOROUS}",
    }
    return horospherical.closed_form(q, p), horospherical.defining_integral(q, p), roads
