"""KL of a horospherical Gaussian from a Riemannian normal: entropy, normaliser and expected squared distance.

KL(q, RN(o, sigma)) = -H(q) + log Z + E_q dist(z, o)^2 / (2 sigma^2). The entropy and the normaliser have closed forms;
the expected squared distance has none. It is enclosed by one rigorous double quadrature that both roads share: over
the height by the trapezoidal rule, whose error falls exponentially for a function analytic in a strip, and over the
length of the fibre vector by Arb's adaptive rule. What the two roads compare is the rest.
"""

from __future__ import annotations

from typing import Any

from flint import acb, arb, ctx, fmpq

from hrssm.reference.horospherical import number
from hrssm.reference.parameters import Horospherical, RiemannianNormal
from hrssm.reference.quadrature import ball, body, log_concave_tail, normal_expectation, normal_tail, reach


def by_formulas(q: Horospherical, p: RiemannianNormal) -> dict[str, arb]:
    """Minus the entropy, log Z and the distance term, the first two in closed form.

    Source: `hgk-entropy`, `rn-normaliser`.
    """
    m = q.dim - 1
    entropy = (m + 1) * (2 * arb.pi() * arb(1).exp()).log() / 2 + number(q.height_scale).log()
    entropy += sum((number(s).log() for s in q.fibre_scale), arb(0))
    sigma = number(p.scale)
    total, choose = arb(0), 1
    for k in range(m + 1):
        a = m - 2 * k
        term = (a * a * sigma * sigma / 2).exp() * (1 + (a * sigma / arb(2).sqrt()).erf())
        total += (-1) ** k * choose * term
        choose = choose * (m - k) // (k + 1)
    radial = sigma * (arb.pi() / 2).sqrt() * total / arb(2) ** m
    return _terms(-entropy, radial, q, p)


def by_integrals(q: Horospherical, p: RiemannianNormal) -> dict[str, arb]:
    """The same three terms, entropy and normaliser as the integrals that define them."""
    m, zero = q.dim - 1, arb(0)
    mu, sigma_q, kappa = number(q.height_loc), number(q.height_scale), number(q.coupling)
    second = normal_expectation(lambda t: t * t, [(arb(1), 2, zero)])
    logs = sum((number(s).log() for s in q.fibre_scale), arb(0))

    def log_density(t: Any) -> Any:  # with respect to the volume, its fibre quadratic form averaged
        tau = mu + sigma_q * t
        widths = logs + m * (mu + kappa * (tau - mu))
        return -t * t / 2 - sigma_q.log() - m * second / 2 - widths + m * tau - (m + 1) * (2 * arb.pi()).log() / 2

    level = abs(sigma_q.log()) + m * second / 2 + abs(logs) + 2 * m * abs(mu) + (m + 1)
    bound = [(arb(1) / 2, 2, zero), (m * sigma_q * (1 + abs(kappa)), 1, zero), (level, 0, zero)]
    sigma = number(p.scale)
    cut = int(float(m * sigma * sigma) + float(sigma) * (reach(ctx.prec) + m)) + 1

    def radial(r: Any) -> Any:
        return (-r * r / (2 * sigma * sigma)).exp() * r.sinh() ** m

    value = body(radial, 0, cut)
    end = arb(cut)  # the integrand is log-concave: (log)'' = -1 / sigma^2 - m / sinh^2
    tail = log_concave_tail(radial(end), end / (sigma * sigma) - m / end.tanh())
    return _terms(normal_expectation(log_density, bound), value + ball(tail), q, p)


def _terms(minus_entropy: arb, radial: arb, q: Horospherical, p: RiemannianNormal) -> dict[str, arb]:
    d = arb(q.dim)
    sphere = 2 * arb.pi() ** (d / 2) / (d / 2).gamma()
    sigma = number(p.scale)
    return {
        "minus entropy": minus_entropy,
        "log normaliser": (sphere * radial).log(),
        "distance": squared_distance(q, p) / (2 * sigma * sigma),
    }


_known: dict[tuple[Any, ...], arb] = {}


def squared_distance(q: Horospherical, p: RiemannianNormal) -> arb:
    """E_q dist(z, o)^2 as a ball; o is the centre of p. Raises ValueError for unequal fibre scales on more than one
    coordinate, where the fibre vector has no radial law."""
    if len(set(q.fibre_scale)) > 1:
        raise ValueError(
            "q: fibre_scale has different entries; allowed against a Riemannian normal is one scale for all coordinates"
        )
    key = (q, p.height_loc, p.fibre_loc, ctx.prec)
    if key not in _known:
        _known.clear()
        _known[key] = _Distance(q, p).expectation()
    return _known[key]


class _Distance:
    """The expectation, with the centre moved to the origin by an isometry, which leaves the scales as they are."""

    def __init__(self, q: Horospherical, p: RiemannianNormal) -> None:
        self.m = q.dim - 1
        self.mu = number(q.height_loc - p.height_loc)
        gaps = [number(x - y) for x, y in zip(q.fibre_loc, p.fibre_loc, strict=True)]
        self.beta = (-number(p.height_loc)).exp() * arb(sum((g * g for g in gaps), arb(0))).sqrt()
        self.centred = q.fibre_loc == p.fibre_loc
        self.sigma, self.s, self.kappa = number(q.height_scale), number(q.fibre_scale[0]), number(q.coupling)

    def width(self, tau: Any) -> Any:
        return self.s * (self.mu + self.kappa * (tau - self.mu)).exp()

    def bound(self) -> list[tuple[arb, int, arb]]:
        """Terms (coefficient, 0, rate) whose sum of coefficient exp(rate t) bounds E[|dist^2| given t], also at complex
        heights of the strip, in the real part of t.

        There |arcosh c|^2 <= log(2 |c| + 1)^2 + pi^2 <= 0.5414 (2 |c| + 1) + 10, and |c| is at most
        cosh x + e^(-x) (beta^2 + |w|^2 |eps|^2) in the mean, x the real part of tau.
        """
        slope = arb("0.5414")
        mean_width = self.m * self.s * self.s * (2 * (1 - self.kappa) * self.mu).exp()
        tilt = 2 * self.kappa - 1
        return [
            (slope + 10, 0, arb(0)),
            (slope * self.mu.exp(), 0, self.sigma),
            (slope * (-self.mu).exp() * (1 + 2 * self.beta * self.beta), 0, -self.sigma),
            (2 * slope * mean_width * (tilt * self.mu).exp(), 0, tilt * self.sigma),
        ]

    def strip(self) -> arb:
        """A y such that dist^2 is analytic for |Im tau| <= y: there the cosh of the distance has a real part >= 0,
        because cos y cos((2 kappa - 1) y) >= beta^2 sin(kappa y)^2."""
        for tenths in (12, 10, 8, 6, 5, 4, 3, 2, 1):
            y = arb(fmpq(tenths, 10))
            for _ in range(60):
                skew = (2 * self.kappa - 1) * y
                fine = abs(skew) < arb("1.5") and abs(self.kappa * y) < arb("1.5")
                if fine and y.cos() * skew.cos() >= self.beta * self.beta * (self.kappa * y).sin() ** 2:
                    return y
                if tenths > 1:
                    break
                y = y / 2
        raise ArithmeticError("no strip of analyticity found")

    def expectation(self) -> arb:
        """The trapezoidal rule over t with its three errors: strip, cut, and what the inner rule leaves."""
        aim = ctx.prec * arb(2).log()
        half = self.strip() / self.sigma
        best = (2 * aim).sqrt()
        half = half if half < best else best
        terms = self.bound()
        size = (half * half / 2).exp() * sum((c * (r * r / 2).exp() for c, _, r in terms), arb(0))
        step = arb((2 * arb.pi() * half / (aim + size.log())).mid())
        if not step > 0:
            raise ArithmeticError("no step of the trapezoidal rule found")
        error = 2 * size / ((2 * arb.pi() * half / step).exp() - 1)
        far = max(abs(float(r.mid())) for _, _, r in terms)
        count = int((reach(ctx.prec) + far) / float(step)) + 1
        scale = (2 * arb.pi()).rsqrt()
        total = arb(0)
        for k in range(-count, count + 1):
            t = k * step
            total += (-t * t / 2).exp() * self.given(self.mu + self.sigma * t)
        cut = count * step
        for coefficient, power, rate in terms:
            error += coefficient * (normal_tail(power, rate, cut) + normal_tail(power, -rate, cut))
        return total * scale * step + ball(error)

    def given(self, tau: arb) -> arb:
        """E[dist^2 given tau]: the fibre vector has length w rho, rho a (noncentral) chi of m degrees of freedom."""
        w, m = self.width(tau), self.m
        shift = arb(0) if self.centred else self.beta / w
        rise = (tau / 2).sinh()
        rise, spread = rise * rise, (-tau).exp() * w * w / 4
        scale = arb(2) ** (1 - arb(m) / 2) / (arb(m) / 2).gamma()

        def density(rho: Any) -> Any:
            value = scale * rho ** (m - 1) * (-(rho * rho + shift * shift) / 2).exp()
            if self.centred:
                return value
            if m == 1:
                return value * (shift * rho).cosh()
            return value * (shift * shift * rho * rho / 4).hypgeom_0f1(acb(m) / 2)

        distance = reach(ctx.prec) + int(2 * m**0.5)
        middle = float(shift.mid())
        low, high = max(0, int(middle) - distance), int(middle) + distance + 1
        pieces = [int(middle)] if low < int(middle) < high else []
        value = body(lambda rho: density(rho) * 4 * arsinh_root_squared(rise + spread * rho * rho), low, high, pieces)
        # density <= scale rho^(m-1) exp(-(rho - shift)^2 / 2), and dist^2 <= 0.5414 (3 + 4 x) + 10
        end, beyond = arb(high), arb(0)
        for power, coefficient in ((m - 1, 12 + 3 * rise), (m + 1, 3 * spread)):
            f = scale * coefficient * end**power * (-((end - shift) ** 2) / 2).exp()
            beyond += log_concave_tail(f, end - shift - power / end)
            if low:
                start = arb(low)
                beyond += start * scale * coefficient * start**power * (-((start - shift) ** 2) / 2).exp()
        return value + ball(beyond)


def arsinh_root_squared(x: Any) -> Any:
    """arsinh(sqrt(x))^2, analytic for x outside (-oo, -1], at complex balls (not finite where that is not proved)."""
    if x.real > 0:
        y = x.sqrt().asinh()
        return y * y
    if x.real < 0 and (x.real > -1 or not x.imag.contains(0)):
        y = (-x).sqrt().asin()
        return -y * y
    size = abs(x).upper()
    if size < 1:  # a ball about 0: the power series is, up to signs, that of arcsin(sqrt(x))^2, which bounds it
        reach_ = ball(size.sqrt().asin() ** 2)
        return acb(reach_, reach_)
    return acb(arb("nan"))
