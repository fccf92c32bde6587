"""KL divergences between Riemannian normals with different centres."""

from __future__ import annotations

from typing import Any

from derivations.enclosures.radial import gaussian_integrals, mp_radial, mp_value, radial_integral
from derivations.engine.kernel import (
    Certificate,
    Step,
    acb,
    algebra,
    differentiate,
    entry,
    exact,
    grid,
    limit,
    mp,
    sp,
    substitute,
    symbol,
)
from derivations.engine.notation import At, Divergence

r, rho, x = symbol("r", positive=True), symbol("rho", real=True), symbol("x", real=True)
sigma_q, sigma_p = symbol("sigma_q", positive=True), symbol("sigma_p", positive=True)
D = symbol("D", positive=True)

# ------------------------------------------------------------------------------------------- closed forms


def _mass(d: int, s: Any) -> Any:
    """Integral of e^(-r^2/(2 s^2)) sinh^(d-1) r over r > 0, without the constant sqrt(2 pi) / 2^(d-1)."""
    e = sp.exp(2 * s**2)
    return s * (e - 1) if d == 3 else s * (e**4 - 4 * e + 3)


def _own_centre(d: int, s: Any) -> Any:
    """E[r^2] under RN(o, s)."""
    e = sp.exp(2 * s**2)
    return s**2 + (4 * s**4 * e / (e - 1) if d == 3 else 16 * s**4 * (e**4 - e) / (e**4 - 4 * e + 3))


def _other_centre(d: int, s: Any) -> Any:
    """E[dist(z, o')^2] for z ~ RN(o, s), dist(o, o') = D."""
    e, bend = sp.exp(2 * s**2), D * sp.coth(D) - 1
    if d == 3:
        return _own_centre(3, s) + D**2 + (4 * s**2 * e / (e - 1) - 2) * bend
    q = e**4 - 4 * e + 3
    lean = (24 * s**2 * (e**4 - 2 * e) - 5 * e**4 + 32 * e - 27) / (3 * q)
    turn = (11 * e**4 + 16 * e - 27 - 24 * s**2 * (e**4 + 4 * e)) / (6 * q)
    return _own_centre(5, s) + D**2 + lean * bend + turn * (bend / sp.sinh(D) ** 2 - sp.Rational(1, 3))


def _kl(d: int) -> Any:
    return (
        sp.log(_mass(d, sigma_p))
        - sp.log(_mass(d, sigma_q))
        + _other_centre(d, sigma_q) / (2 * sigma_p**2)
        - _own_centre(d, sigma_q) / (2 * sigma_q**2)
    )


def _primitives(t: Any, sinh: Any, cosh: Any) -> list[Any]:
    """Even primitives of t^2 sinh t cosh^j t, j = 0, 1, 2; `sinh` and `cosh` take multiples of t."""
    return [
        t * t * cosh(1) - 2 * t * sinh(1) + 2 * cosh(1),
        (2 * t * t * cosh(2) - 2 * t * sinh(2) + cosh(2)) / 8,
        (9 * t * t * cosh(3) - 6 * t * sinh(3) + 2 * cosh(3)) / 108
        + (t * t * cosh(1) - 2 * t * sinh(1) + 2 * cosh(1)) / 4,
    ]


def _sphere_part(d: int, parts: list[Any], cosh_r: Any, cosh_d: Any) -> Any:
    """Primitive of t^2 (S^2 - (C - cosh t)^2)^((d-3)/2) sinh t, S = sinh r sinh D and C = cosh r cosh D."""
    if d == 3:
        return parts[0]
    square = (cosh_r**2 - 1) * (cosh_d**2 - 1) - (cosh_r * cosh_d) ** 2
    return square * parts[0] + 2 * cosh_r * cosh_d * parts[1] - parts[2]


def _sphere_symbolic(d: int, t: Any, radius: Any) -> Any:
    parts = _primitives(t, lambda n: sp.sinh(n * t), lambda n: sp.cosh(n * t))
    return _sphere_part(d, parts, sp.cosh(radius), sp.cosh(D))


def _named_parts() -> dict[Any, Any]:
    """Names for what stands in both lines: the means of dist^2 from the own centre, and what the other centre adds."""
    w, bend = symbol("w", positive=True), symbol("b")
    names = {w: sp.exp(2 * sigma_q**2), bend: D * sp.coth(D) - 1}
    q = w**4 - 4 * w + 3
    return names | {
        symbol("M_3"): sigma_q**2 + 4 * sigma_q**4 * w / (w - 1),
        symbol("M_5"): sigma_q**2 + 16 * sigma_q**4 * (w**4 - w) / q,
        symbol("L"): (24 * sigma_q**2 * (w**4 - 2 * w) - 5 * w**4 + 32 * w - 27) / (3 * q),
        symbol("T"): (11 * w**4 + 16 * w - 27 - 24 * sigma_q**2 * (w**4 + 4 * w)) / (6 * q),
    }


WEIGHT: dict[int, Any] = {3: sp.Rational(1, 2), 5: sp.Rational(3, 4)}  # density of u in (1 - u^2)^((d-3)/2) du

# ------------------------------------------------------------------------------------------- second roads


def _centres_balls(p: Any) -> tuple[Any, Any]:
    s, q, distance = (exact(p[n]) for n in ("sigma_q", "sigma_p", "D"))
    found = []
    scale = 2 * distance.exp()
    for d in (3, 5):

        def times_sinh(z: Any, d: int = d) -> Any:
            """sinh^(d-2) r times the mean of dist^2 over the sphere, at most 2 e^D e^((d-1) r)."""
            ends = []
            for t in (z + distance, z - distance):
                parts = _primitives(t, lambda n, t=t: (n * t).sinh(), lambda n, t=t: (n * t).cosh())
                ends.append(_sphere_part(d, parts, z.cosh(), distance.cosh()))
            half = exact(WEIGHT[d])
            return half * (ends[0] - ends[1]) / distance.sinh() ** (d - 2) / scale

        # of sinh^(d-1) r one factor is left: the weight of d = 2
        other = radial_integral(2, s, times_sinh, power=d - 1) * scale
        z_q, z_p = (radial_integral(d, y, lambda z: acb(1)) for y in (s, q))
        own = radial_integral(d, s, lambda z: z * z, power=2)
        found.append(other / z_q / (2 * q * q) - own / z_q / (2 * s * s) + (z_p / z_q).log())
    return found[0], found[1]


def _centres_numeric(p: Any) -> tuple[Any, Any]:
    """The double integrals over radius and angle, by plain Gauss-Legendre rules."""
    found = []
    with mp.workdps(15):
        s, q, distance = (mp_value(p, n) for n in ("sigma_q", "sigma_p", "D"))
        for d in (3, 5):
            end = (d - 1) * s**2 + 9 * s

            def inner(y: Any, d: int = d) -> Any:
                def square(u: Any) -> Any:
                    cosh = mp.cosh(y) * mp.cosh(distance) - u * mp.sinh(y) * mp.sinh(distance)
                    return mp.acosh(cosh) ** 2 * (1 - u**2) ** ((d - 3) // 2)

                value: Any = mp.quad(square, [-1, 1], method="gauss-legendre", maxdegree=5)
                return value * mp.mpf(int(WEIGHT[d].p)) / int(WEIGHT[d].q)

            def outer(y: Any, d: int = d, inner: Any = inner) -> Any:
                return inner(y) * mp.exp(-(y**2) / (2 * s**2)) * mp.sinh(y) ** (d - 1)

            z_q, z_p = (mp_radial(d, y, lambda _: 1) for y in (s, q))
            own = mp_radial(d, s, lambda y: y**2)
            other: Any = mp.quad(outer, [0, end / 2, end], method="gauss-legendre", maxdegree=4)
            found.append(other / z_q / (2 * q**2) - own / z_q / (2 * s**2) + mp.log(z_p / z_q))
    return found[0], found[1]


@entry(
    id="rn-kl-centres",
    title="KL between Riemannian normals with different centres, in closed form in dimensions 3 and 5",
    statement=sp.Tuple(
        sp.Eq(At(Divergence("q", "p"), "d", 3), _kl(3)),
        sp.Eq(At(Divergence("q", "p"), "d", 5), _kl(5)),
    ),
    symbols={
        symbol("d"): ("dimension", "3 or 5"),
        sigma_q: "scale of q",
        sigma_p: "scale of p",
        D: "distance of the two centres",
    },
    where=_named_parts(),
    status="corrects",
    assumptions=["d = 3 in the first relation, 5 in the second"],
    uses=["rn-normaliser", "rn-moment", "geo-distance"],
    sources=[("perret2026", "A.4")],
    implements=["hrssm.distributions.riemannian_normal._kl_riemannian_riemannian"],
    certificate=Certificate(
        points=grid(26, sigma_q=("1/5", "2"), sigma_p=("1/5", "2"), D=("1/10", "4")),
        independent=_centres_balls,
        numeric=_centres_numeric,
        numeric_points=1,
        numeric_digits=6,
    ),
)
def rn_kl_centres(claim: Any) -> Any:
    """Average dist^2 over the sphere of radius r, then over r: for odd d both integrals are elementary.

    What is said to have no closed form, the KL between Riemannian normals with different centres, has one for
    d = 3 and 5, without even an error function. The same road is open in every odd d: the weight
    (1 - u^2)^((d-3)/2) of u = cos(angle) is then polynomial, so the average over the sphere is a polynomial
    in r +- D times exponentials, over (sinh r sinh D)^(d-2), and the volume's sinh^(d-1) r leaves one sinh r
    above. For even d the weight has a square root, and no closed form is known to us.
    """
    parts = _primitives(x, lambda n: sp.sinh(n * x), lambda n: sp.cosh(n * x))
    for j, part in enumerate(parts):
        yield Step(
            sp.Derivative(part, x),
            x**2 * sp.sinh(x) * sp.cosh(x) ** j,
            differentiate,
            "the law of cosines cosh x = C - u S, C = cosh r cosh D and S = sinh r sinh D, turns S du into "
            "sinh x dx on [|r - D|, r + D]; the primitives are even, so |r - D| may be r - D",
        )
    cosh_r, cosh_d = sp.cosh(r), sp.cosh(D)
    yield Step(
        (cosh_r**2 - 1) * (cosh_d**2 - 1) - (cosh_r * cosh_d - sp.cosh(x)) ** 2,
        (sp.sinh(r) * sp.sinh(D)) ** 2 - (cosh_r * cosh_d - sp.cosh(x)) ** 2,
        algebra,
        "for d = 5 the weight 1 - u^2 is this over S^2",
    )
    bend = D * sp.cosh(D) - sp.sinh(D)
    yield Step(bend / sp.sinh(D), sp.S.Zero, limit(D, sp.S.Zero), "D coth D - 1 vanishes with D")
    yield Step(
        bend / sp.sinh(D) ** 3,
        sp.Rational(1, 3),
        limit(D, sp.S.Zero),
        "and over sinh^2 D tends to 1/3: for D = 0 the E[dist(z, o')^2] below are the E[r^2] beside them",
    )
    for index, d in enumerate((3, 5)):
        total = sp.sqrt(2 * sp.pi) * _mass(d, sigma_q) / 2 ** (d - 1)
        yield Step(
            sp.Integral(sp.exp(-(r**2) / (2 * sigma_q**2)) * sp.sinh(r) ** (d - 1), (r, 0, sp.oo)),
            total,
            gaussian_integrals(r),
            f"the normaliser for d = {d}",
        )
        weight = sp.exp(-(rho**2) / (2 * sigma_q**2))
        yield Step(
            WEIGHT[d] * sp.Integral(weight * sp.sinh(rho) * _sphere_symbolic(d, rho + D, rho), (rho, -sp.oo, sp.oo)),
            total * sp.expand(sp.sinh(D) ** (d - 2) * _other_centre(d, sigma_q)),
            gaussian_integrals(rho),
            "E[dist(z, o')^2] times the normaliser and sinh^(d-2) D: the integrand over r > 0 is even, its "
            "parts at r + D and r - D mirror images, so it is the integral of the first part over the line",
        )
        yield Step(
            sigma_q**3 * sp.diff(sp.log(_mass(d, sigma_q)), sigma_q),
            _own_centre(d, sigma_q),
            algebra,
            "which is the logarithmic derivative of the normaliser, as in rn-moment",
        )
        other, own = symbol("E[dist^2]", positive=True), symbol("E[r^2]", positive=True)
        yield Step(
            sp.log(_mass(d, sigma_p)) - sp.log(_mass(d, sigma_q)) + other / (2 * sigma_p**2) - own / (2 * sigma_q**2),
            claim[index].rhs,
            substitute({other: _other_centre(d, sigma_q), own: _own_centre(d, sigma_q)}),
            "log Z_p - log Z_q + E[dist(z, o')^2] / (2 sigma_p^2) - E[r^2] / (2 sigma_q^2)",
        )
