"""How many numbers the head of a latent puts out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from flint import arb

from derivations.engine.kernel import Certificate, Step, entry, sp, substitute, symbol
from derivations.engine.notation import name

d = symbol("d", positive=True, integer=True)


def _head_sizes(p: Mapping[str, Any]) -> list[arb]:
    """The names of what each head puts out, counted."""
    coordinates = range(1, int(p["d"]) + 1)
    fibre = coordinates[1:]
    fibre_locs = {("beta", i) for i in fibre}
    horospherical = {"mu", "sigma", "s"} | fibre_locs
    diagonal = {"mu", "sigma"} | fibre_locs | {("s", i) for i in fibre}
    gaussian = {("loc", i) for i in coordinates} | {("scale", i) for i in coordinates}
    two_scale = {("loc", i) for i in coordinates} | {"first scale", "other scale"}
    sizes = [len(names) for names in (horospherical, diagonal, gaussian, two_scale)]
    return [*(arb(n) for n in sizes), arb(sizes[2] - sizes[0])]


@entry(
    id="param-count",
    title="Numbers that a latent's head puts out",
    statement=sp.Tuple(
        sp.Eq(name("n_HG", d), d + 2),
        sp.Eq(name("n_HG_diagonal", d), 2 * d),
        sp.Eq(name("n_Gaussian", d), 2 * d),
        sp.Eq(name("n_Gaussian_two_scale", d), d + 2),
        sp.Eq(name("n_Gaussian", d) - name("n_HG", d), d - 2),
    ),
    symbols={d: ("dimension of the latent", "integer >= 2")},
    status="refutes",
    sources=[("perret2026", "same parameter count")],
    implements=[
        "hrssm.latents.horospherical.HG",
        "hrssm.latents.horospherical.HGDiagonal",
        "hrssm.latents.gaussian.Gaussian",
        "hrssm.latents.gaussian.GaussianTwoScale",
    ],
    certificate=Certificate(points=tuple({"d": sp.Integer(n)} for n in range(2, 32)), independent=_head_sizes),
)
def param_count(claim: Any) -> Iterator[Step]:
    """Counted by parameter; equal counts for HG and the diagonal Gaussian at d = 2 only."""
    parts = locs, heights, scales, fibres = sp.symbols("n_loc n_height n_scale n_fibre", positive=True)
    for index, counts, words in (
        (0, (d - 1, 1, 1, 1), "beta, mu, sigma, s"),
        (1, (d - 1, 1, 1, d - 1), "beta, mu, sigma, one s per fibre coordinate"),
        (2, (d, 0, d, 0), "location and scale per coordinate"),
        (3, (d, 0, 1, 1), "location, the first scale, the other scale"),
    ):
        counted = substitute(dict(zip(parts, counts, strict=True)))
        yield Step(locs + heights + scales + fibres, claim[index].rhs, counted, words)
    whole, less = sp.symbols("n_Gaussian n_HG", positive=True)
    stated = substitute({whole: claim[2].rhs, less: claim[0].rhs})
    yield Step(whole - less, claim[4].rhs, stated, "the excess, zero at d = 2 alone")
