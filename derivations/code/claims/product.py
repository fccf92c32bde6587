"""The claims of products: what a law says of each factor adds up. Shown for lines; the sums know nothing of the law."""

from __future__ import annotations

from torch import Tensor
from torch.distributions import kl_divergence

from derivations.chapters.horospherical_gaussian.symbols import mu, mu_p, mu_q, sigma, sigma_p, sigma_q
from derivations.code.claim import Claim
from derivations.code.claims.gaussian import normal_parameters, summed, values
from derivations.code.claims.horospherical import STABLE
from derivations.code.claims.riemannian_normal import x
from hrssm.distributions.gaussian import Gaussian
from hrssm.distributions.product import Product

PRODUCT = "hrssm.distributions.Product"
WORDS = "The factors are normals on lines; the sum over factors does not depend on the law."


def lines(loc: Tensor, scale: Tensor) -> Product:
    """A product of as many lines as there are entries, a normal on each."""
    return Product(Gaussian(loc.unsqueeze(-1), scale.unsqueeze(-1), validate_args=False), validate_args=False)


CLAIMS = (
    Claim(
        f"{PRODUCT}.log_prob", "normal-law", lambda z, *p: lines(*p).log_prob(z),
        lambda d: [values(d), *normal_parameters(d)],
        lambda f, d: summed(f.statement[0].rhs, [x, mu, sigma], [values(d), *normal_parameters(d)]), words=WORDS,
    ),
    Claim(
        f"{PRODUCT}.entropy", "normal-law", lambda *p: lines(*p).entropy(), normal_parameters,
        lambda f, d: summed(f.statement[1].rhs, [sigma], normal_parameters(d)[1:]), words=WORDS,
    ),
    Claim(
        f"{PRODUCT}.kl", "normal-law", lambda *p: kl_divergence(lines(*p[:2]), lines(*p[2:])),
        lambda d: [*normal_parameters(d, "_q"), *normal_parameters(d, "_p")],
        lambda f, d: summed(
            f.statement[2].rhs,
            [mu_q, sigma_q, mu_p, sigma_p],
            [*normal_parameters(d, "_q"), *normal_parameters(d, "_p")],
        ),
        guarded=STABLE, words=WORDS,
    ),
)  # fmt: skip
