"""`kl`: one KL divergence by two roads, each to the digits asked for, and what the two prove about each other."""

from __future__ import annotations

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

    `method` says what each road computed.
    """

    terms: dict[str, Term]
    digits: int
    method: str

    def __str__(self) -> str:
        lines = [
            f"closed form  {self.closed_form.str(self.digits)}",
            f"integral     {self.integral.str(self.digits)}",
            f"difference   {self.agreement.str(3)}: the two {'agree' if self.agree else 'DISAGREE'}",
        ]
        width = max((len(name) for name in self.terms), default=0)
        lines += [f"  {name:<{width}}  {term.closed_form.str(self.digits)}" for name, term in self.terms.items()]
        return "\n".join([*lines, self.method])


def kl(q: Any, p: Any, digits: int = 50) -> Enclosure:
    """KL(q, p) in nats by closed form and by an independent rigorous integral, as Arb balls.

    `q` is a horospherical Gaussian of any coupling, `p` that or a Riemannian normal; both are given as a mapping,
    as text, or as an unbatched distribution of `hrssm.distributions`, with every number a decimal string, a
    fraction or a float (which stands for the binary number it holds). `digits` >= 1 significant decimal digits
    are certain in both results (for a KL below 1, digits after the point).

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
            "hrssm.reference needs python-flint, which is not installed: pip install 'hrssm[proofs]'"
        ) from error
    if digits < 1:
        raise ValueError(f"digits was given as {digits}; allowed is an integer >= 1")
    q, p = read(q, "q"), read(p, "p")
    if isinstance(q, RiemannianNormal):
        raise ValueError("q was given as a Riemannian normal; allowed is a horospherical Gaussian, of any coupling")
    if q.dim != p.dim:
        raise ValueError(f"q lives on H^{q.dim} and p on H^{p.dim}; allowed are two laws on the same space")
    enough = int(digits * 3.3219281) + 64
    for bits in (enough << k for k in range(DOUBLINGS)):
        with ctx.workprec(bits):
            try:
                terms, method = _terms(q, p)
            except ArithmeticError:  # too few bits to prove a tail or a sign
                continue
            total = Term(_sum(t.closed_form for t in terms.values()), _sum(t.integral for t in terms.values()))
            if _good(total.closed_form, digits) and _good(total.integral, digits):
                return Enclosure(total.closed_form, total.integral, terms, digits, method)
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


def _terms(q: Horospherical, p: Horospherical | RiemannianNormal) -> tuple[dict[str, Term], str]:
    if isinstance(p, RiemannianNormal):
        from hrssm.reference import riemannian

        closed, integral = riemannian.by_formulas(q, p), riemannian.by_integrals(q, p)
        method = (
            "closed form: entropy and normaliser by formula; integral: both by quadrature; the expected squared "
            "distance, which has no closed form, is one rigorous quadrature in both"
        )
    else:
        from hrssm.reference import horospherical

        closed, integral = horospherical.closed_form(q, p), horospherical.defining_integral(q, p)
        method = "closed form: height, fibre and drift terms; integral: quadrature of q log(q / p), tails proved"
    return {name: Term(closed[name], integral[name]) for name in closed}, method
