"""The symbols of the horospherical chapters: what each stands for, where it lives, and the names of quantities."""

from __future__ import annotations

from derivations.engine.kernel import grid, symbol
from derivations.engine.notation import Meaning, Norm

HG = "hrssm.distributions.HorosphericalGaussian"
SOURCE = "perret2026"

tau, mu, beta, b, t, u, r = (symbol(n, real=True) for n in ("tau", "mu", "beta", "b", "t", "u", "r"))
sigma, s = symbol("sigma", positive=True), symbol("s", positive=True)
m = symbol("m", integer=True, positive=True)
mu_q, mu_p = symbol("mu_q", real=True), symbol("mu_p", real=True)
sigma_q, sigma_p = symbol("sigma_q", positive=True), symbol("sigma_p", positive=True)
s_q, s_p = symbol("s_q", positive=True), symbol("s_p", positive=True)
delta = symbol("delta", nonnegative=True)
radius = symbol("rho", nonnegative=True)

LOCATION = {mu: "location of the height tau"}
SCALES = {sigma: "height scale", s: "fibre scale"}
FIBRE = {m: "dimension of the fibre, d - 1"}
OFFSET = {radius: Meaning("distance of b from the fibre location beta", Norm(symbol("b") - symbol("beta")))}
ISOMETRY = "g = (a, c) takes (tau, b) to (tau + a, e^a b + c), as in geo-isometry; parameters in the order of the law"
PAIR = {
    mu_q: "height location of q",
    mu_p: "height location of p",
    sigma_q: "height scale of q",
    sigma_p: "height scale of p",
    s_q: "fibre scale of q",
    s_p: "fibre scale of p",
    delta: Meaning("distance of the fibre locations beta_q and beta_p", Norm(symbol("beta_q") - symbol("beta_p"))),
    m: "dimension of the fibre, d - 1",
}
VOLUME = "densities are with respect to the Riemannian volume, curvature -1"

REAL = ("-2", "2")
SCALE = ("1/20", "3")
PAIR_GRID = grid(
    30,
    mu_q=REAL,
    mu_p=REAL,
    sigma_q=SCALE,
    sigma_p=SCALE,
    s_q=SCALE,
    s_p=SCALE,
    delta=("0", "3"),
    m=[1, 2, 3, 15],
)
