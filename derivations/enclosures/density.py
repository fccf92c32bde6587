"""Second roads to what a law of the coupled family is, read off its density in balls: quantiles, mode, parameters.

The density with respect to volume of one fibre coordinate b and the height tau, all other coordinates at their
location, is a function of (tau, b) in Taylor arithmetic. Quantiles come from integrals of it, the mode from a Newton
step that proves its own enclosure, parameters from its derivatives; no formula for any of them is put in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flint import acb, arb, arb_mat, arb_series

from derivations.enclosures.gaussian import law
from derivations.engine.ball_arithmetic import Point, exact, integral, plus_minus

LogDensity = Callable[[Any, Any], Any]


def log_density(p: Point, kappa: str | None = None, m: int = 1) -> LogDensity:
    """Log-density in volume up to a constant at (tau, b), both balls or power series, by its definition."""
    (mu, sigma, s, coupling), beta = law(p, "", kappa), exact(p["beta"])

    def at(tau: Any, b: Any) -> Any:
        log_width = s.log() + mu + coupling * (tau - mu)
        square = (b - beta) * (b - beta) * (-2 * log_width).exp() / 2
        return -((tau - mu) * (tau - mu)) / (2 * sigma**2) - square - m * log_width + m * tau

    return at


def _along(f: LogDensity, tau: arb, b: arb, step: tuple[Any, Any]) -> tuple[arb, arb]:
    """First and second derivative of f at (tau, b) in a direction."""
    value = f(arb_series([tau, step[0]], 3), arb_series([b, step[1]], 3))
    return value[1], 2 * value[2]


# ------------------------------------------------------------------------------------------- quantiles


def quantile(weight: Callable[[Any, bool], Any], noise: arb, centre: arb, width: arb, bound: arb) -> arb:
    """The point up to which `weight` has the mass that a standard normal has up to `noise`.

    The caller vouches that weight(z) is positive on the real line and at most bound e^(-(z - centre)^2/(2 width^2)).
    Newton's iteration starts at the centre, in balls; a last step over a whole interval proves the enclosure.
    """
    reach = 16
    tail = plus_minus(bound * width * (arb.pi() / 2).sqrt() * (arb(reach) / arb(2).sqrt()).erfc())
    low, high = (integral(weight, *sorted((centre, centre + k * reach * width), key=float)) + tail for k in (-1, 1))
    wanted = (-noise / arb(2).sqrt()).erfc() / 2 * (low + high) - low

    def excess(x: arb) -> arb:
        return acb.integral(weight, acb(centre), acb(x)).real - wanted

    def slope(x: arb) -> arb:
        return acb(weight(acb(x), False)).real

    x = centre.mid()
    for _ in range(16):
        step = excess(x) / slope(x)
        x = (x - step).mid()
        if abs(step) < width * arb(2) ** -110:
            break
    return _newton(x, width, lambda box: x - excess(x) / slope(box))


def _newton(x: arb, width: arb, step: Callable[[arb], arb]) -> arb:
    """What a Newton step makes of an interval about x that it maps into itself."""
    box = x + plus_minus(width * arb(2) ** -100)
    inside = step(box)
    if not box.contains_interior(inside):
        raise ArithmeticError(f"Newton's step leaves {box}: {inside}")
    return inside


def sample(p: Point, kappa: str | None = None) -> tuple[arb, arb]:
    """(tau, b) by the quantiles of the height's law and of b given tau, at those of the noise t and epsilon.

    The height's law is the density integrated over the fibre in volume, whose e^(-m tau) meets the fibre's width to
    the power m.
    """
    (mu, sigma, s, coupling), beta, m = law(p, "", kappa), exact(p["beta"]), int(p["m"])

    def height(z: Any, _: bool) -> Any:
        log_width = s.log() + mu + coupling * (z - mu)
        exponent = -((z - mu) * (z - mu)) / (2 * sigma**2) - m * log_width + m * z
        return (exponent + m * log_width - m * z).exp()

    tau = quantile(height, exact(p["t"]), mu, sigma, 2 * height(mu, False))
    width = (s.log() + mu + coupling * (tau - mu)).exp()

    def fibre(y: Any, _: bool) -> Any:
        return (-((y - beta) * (y - beta)) / (2 * width * width)).exp()

    return tau, quantile(fibre, exact(p["epsilon"]), beta, width, arb(1))


# ------------------------------------------------------------------------------------------- mode


def mode(f: LogDensity) -> tuple[arb, arb]:
    """A point (tau, b) where f is stationary and its second derivatives are negative definite, enclosed.

    Newton steps in b and in tau lead there; a last one over a whole box proves that there is one point and no other.
    """
    tau, b = arb(0), arb(0)
    for _ in range(4):
        first, second = _along(f, tau, b, (0, 1))
        b = (b - first / second).mid()
        first, second = _along(f, tau, b, (1, 0))
        tau = (tau - first / second).mid()
    # units in which both second derivatives are about -1: they differ by many orders where the fibre is narrow
    units = [(-_along(f, tau, b, step)[1]).rsqrt().mid() for step in ((1, 0), (0, 1))]
    up, side = (units[0], 0), (0, units[1])
    box = tuple(x + plus_minus(unit * arb(2) ** -60) for x, unit in zip((tau, b), units, strict=True))
    (_, down), (_, across), (_, both) = (_along(f, *box, step) for step in (up, side, tuple(units)))
    mixed = (both - down - across) / 2
    if not (down < 0 and down * across - mixed * mixed > 0):
        raise ArithmeticError(f"no maximum in {box}")
    gradient = arb_mat([[_along(f, tau, b, up)[0]], [_along(f, tau, b, side)[0]]])
    step = arb_mat([[down, mixed], [mixed, across]]).solve(gradient)
    inside = (tau - units[0] * step[0, 0], b - units[1] * step[1, 0])
    if not all(whole.contains_interior(part) for whole, part in zip(box, inside, strict=True)):
        raise ArithmeticError(f"Newton's step leaves {box}: {inside}")
    return inside


# ------------------------------------------------------------------------------------------- parameters


def parameters(f: LogDensity) -> tuple[arb, arb, arb, arb, arb]:
    """(mu, beta, sigma, s, kappa) of the member of the family with m = 1 whose log-density in volume f is.

    f is quadratic in b at every height: its stationary point is beta, its curvature the width^(-2). Along b = beta it
    is quadratic in tau, with curvature -1/sigma^2 and slope 1 - kappa at mu.
    """
    places, widths = [], []
    for height in (arb(0), arb(1)):
        first, second = _along(f, height, arb(0), (0, 1))
        places.append(-first / second)
        widths.append((-second).rsqrt())
    if not places[0].overlaps(places[1]):
        raise ArithmeticError(f"the fibre location moves with the height: {places}")
    kappa = (widths[1] / widths[0]).log()
    first, second = _along(f, arb(0), places[0], (1, 0))
    mu = (first - (1 - kappa)) * (-1 / second)
    return mu, places[0], (-second).rsqrt(), widths[0] * (kappa * mu - mu).exp(), kappa


def moved_parameters(p: Point, kappa: str | None = None) -> tuple[arb, ...]:
    """The parameters of the law of (tau + a, e^a b + c), from its density; volume is invariant."""
    f, up, side = log_density(p, kappa), exact(p["a"]), exact(p["c"])
    return parameters(lambda tau, b: f(tau - up, (b - side) * (-up).exp()))
