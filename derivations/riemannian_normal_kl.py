"""KL divergences between Riemannian normals."""

from __future__ import annotations

from typing import Any

from derivations.kernel import (
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
    symbol,
)
from derivations.radial_integrals import gaussian_integrals, mp_radial, mp_value, radial_integral

r = symbol("r", positive=True)
sigma_q, sigma_p = symbol("sigma_q", positive=True), symbol("sigma_p", positive=True)
D = symbol("D", positive=True)


def _spread(s: Any) -> Any:
    return 4 * s**2 / (1 - sp.exp(-2 * s**2))


def _other_centre(s: Any) -> Any:
    """E[dist(z, o')^2] for z ~ RN(o, s) in H^3, dist(o, o') = D."""
    return s**2 * (1 + _spread(s)) + D**2 + (_spread(s) - 2) * (D * sp.coth(D) - 1)


def _primitive(x: Any) -> Any:
    return x**2 * sp.cosh(x) - 2 * x * sp.sinh(x) + 2 * sp.cosh(x)


def _centres_ball(p: Any) -> Any:
    s, q, distance = (exact(p[n]) for n in ("sigma_q", "sigma_p", "D"))

    def mean_over_sphere(z: Any) -> Any:
        """sinh(r) E[dist^2 given r]."""

        def primitive(x: Any) -> Any:
            return x * x * x.cosh() - 2 * x * x.sinh() + 2 * x.cosh()

        return (primitive(z + distance) - primitive(z - distance)) / (2 * distance.sinh())

    # one sinh r cancels, so the weight is that of d = 2; |mean| <= 2 e^(3D) (1 + r)^2 e^r / D <= scale e^(3r)
    scale = 2 * (3 * distance).exp() / distance
    other = radial_integral(2, s, lambda z: mean_over_sphere(z) / scale, power=3) * scale
    z_q, z_p = (radial_integral(3, x, lambda z: acb(1)) for x in (s, q))
    own = radial_integral(3, s, lambda z: z * z, power=2)
    return other / z_q / (2 * q * q) - own / z_q / (2 * s * s) + (z_p / z_q).log()


def _centres_numeric(p: Any) -> Any:
    """The double integral over radius and angle, by plain Gauss-Legendre rules."""
    with mp.workdps(15):
        s, q, distance = (mp_value(p, n) for n in ("sigma_q", "sigma_p", "D"))
        end = 2 * s**2 + 9 * s

        def inner(x: Any) -> Any:
            def square(u: Any) -> Any:
                return mp.acosh(mp.cosh(x) * mp.cosh(distance) - u * mp.sinh(x) * mp.sinh(distance)) ** 2

            value: Any = mp.quad(square, [-1, 1], method="gauss-legendre", maxdegree=5)
            return value / 2

        def outer(x: Any) -> Any:
            return inner(x) * mp.exp(-(x**2) / (2 * s**2)) * mp.sinh(x) ** 2

        z_q, z_p = (mp_radial(3, x, lambda y: 1) for x in (s, q))
        own = mp_radial(3, s, lambda x: x**2)
        other: Any = mp.quad(outer, [0, end / 2, end], method="gauss-legendre", maxdegree=4)
        return other / z_q / (2 * q**2) - own / z_q / (2 * s**2) + mp.log(z_p / z_q)


@entry(
    id="rn-kl-centres",
    title="KL between Riemannian normals with different centres, in closed form (d = 3)",
    statement=sp.Eq(
        sp.Function("KL")(sigma_q, sigma_p, D),
        sp.log(sigma_p * (sp.exp(2 * sigma_p**2) - 1))
        - sp.log(sigma_q * (sp.exp(2 * sigma_q**2) - 1))
        + _other_centre(sigma_q) / (2 * sigma_p**2)
        - (1 + _spread(sigma_q)) / 2,
    ),
    symbols={sigma_q: "scale of q", sigma_p: "scale of p", D: "distance of the two centres"},
    status="corrects",
    assumptions=["d = 3"],
    uses=["rn-normaliser", "rn-moment", "geo-distance"],
    sources=[("perret2026", "A.4")],
    implements=["hrssm.distributions.cross_kl._kl_riemannian_riemannian"],
    certificate=Certificate(
        points=grid(26, sigma_q=("1/5", "2"), sigma_p=("1/5", "2"), D=("1/10", "4")),
        independent=_centres_ball,
        numeric=_centres_numeric,
        numeric_points=2,
        numeric_digits=6,
    ),
)
def rn_kl_centres(claim: Any) -> Any:
    """Average dist^2 over the sphere of radius r, then over r: in H^3 both integrals are elementary.

    What is said to have no closed form, the KL between Riemannian normals with different centres, has one
    here. The same road is open in every odd d: the weight (1 - u^2)^((d-3)/2) of u = cos(angle) is then
    polynomial, so the average over the sphere is a polynomial in r +- D times exponentials, over
    (sinh r sinh D)^(d-2), and the volume's sinh^(d-1) r leaves one sinh r above. For even d the weight has a
    square root, and no closed form is known to us.
    """
    x = symbol("x", real=True)
    yield Step(
        sp.Derivative(_primitive(x), x),
        x**2 * sp.sinh(x),
        differentiate,
        "the law of cosines cosh x = cosh r cosh D - u sinh r sinh D makes u, uniform on [-1, 1], into "
        "sinh x dx on [|r - D|, r + D]; the primitive is even, so |r - D| may be r - D",
    )
    average = (_primitive(r + D) - _primitive(r - D)) / (2 * sp.sinh(r) * sp.sinh(D))
    rho = symbol("rho", real=True)
    weight = sp.exp(-(rho**2) / (2 * sigma_q**2))
    total = sp.sqrt(2 * sp.pi) * sigma_q * (sp.exp(2 * sigma_q**2) - 1) / 4
    yield Step(
        sp.Integral(sp.exp(-(r**2) / (2 * sigma_q**2)) * sp.sinh(r) ** 2, (r, 0, sp.oo)),
        total,
        gaussian_integrals(r),
        "the normaliser for d = 3",
    )
    yield Step(
        average * sp.sinh(r) ** 2,
        sp.sinh(r) * (_primitive(r + D) - _primitive(r - D)) / (2 * sp.sinh(D)),
        algebra,
        "even in r, its two parts mirror images: half the integral over the line, twice the first part",
    )
    yield Step(
        sp.Integral(weight * sp.sinh(rho) * _primitive(rho + D), (rho, -sp.oo, sp.oo)) / (2 * sp.sinh(D)),
        total * _other_centre(sigma_q),
        gaussian_integrals(rho),
        "E[dist(z, o')^2] times the normaliser",
    )
    yield Step(
        _other_centre(sigma_q),
        sigma_q**2 * (1 + _spread(sigma_q)),
        limit(D, sp.S.Zero),
        "D = 0 gives E[r^2]",
    )
    yield Step(
        sigma_q**2 + sigma_q**3 * sp.diff(sp.log(sp.exp(2 * sigma_q**2) - 1), sigma_q),
        sigma_q**2 * (1 + _spread(sigma_q)),
        algebra,
        "which is the logarithmic derivative of the normaliser, as it must be",
    )
    yield Step(
        sp.log(sigma_p * (sp.exp(2 * sigma_p**2) - 1))
        - sp.log(sigma_q * (sp.exp(2 * sigma_q**2) - 1))
        + (sigma_q**2 * (1 + _spread(sigma_q)) + D**2 + (_spread(sigma_q) - 2) * (D * sp.coth(D) - 1))
        / (2 * sigma_p**2)
        - sigma_q**2 * (1 + _spread(sigma_q)) / (2 * sigma_q**2),
        claim.rhs,
        algebra,
        "log Z_p - log Z_q + E[dist(z, o')^2] / (2 sigma_p^2) - E[r^2] / (2 sigma_q^2)",
    )
