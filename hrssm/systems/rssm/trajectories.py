"""Evaluation walks, and what a model makes of them: the arrays that evaluation reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import torch
from torch import Tensor

from hrssm.environments.tree import Start, TreeMDP, Walks
from hrssm.evaluation.measure import Protocol, measure
from hrssm.evaluation.trajectories import Trajectories
from hrssm.systems.rssm.model import RSSM
from hrssm.systems.rssm.settings import Settings
from hrssm.systems.rssm.walking import evaluation_region, ranges
from hrssm.training.seeds import generators

__all__ = ["CURVE_METRICS", "STARTS", "as_array", "evaluation_walks", "observations", "published_curve", "trajectories"]

# The published evaluation starts walks as training does in the write-up; the other visits every depth.
STARTS: dict[Protocol, Start] = {"published": "uniform", "every_depth": "every-depth"}
CURVE_METRICS = ("mse", "kl", "rho_height", "rho_first_pc", "rho_best_pc", "rho_given_t", "attenuation")


def published_curve(
    settings: Settings, model: RSSM, tree: TreeMDP, seeds: Sequence[int], *, gate: float
) -> list[dict[str, float]]:
    """Per member, the published evaluation during training, on the same walks every time."""
    walks = evaluation_walks(settings, tree, seeds, "published")
    seen = observations(tree, walks, seeds)
    scored = as_array(ranges(settings, tree)[0][1])
    measured = []
    for member in trajectories(model, walks, tree, seen, seen, seeds, gate=gate):
        values = measure(member, "published", scored=scored, probes=False)
        measured.append({metric: values[metric] for metric in CURVE_METRICS})
    return measured


def observations(tree: TreeMDP, walks: Walks, seeds: Sequence[int]) -> Tensor:
    """What each member sees on its evaluation walks (M, T, B, D): the same whoever looks, also where noise is drawn at
    each visit."""
    return tree.observe(walks.nodes, generators(seeds, "evaluation observations", tree.device))


def as_array(mask: Tensor | None) -> np.ndarray | None:
    """A mask over nodes as evaluation reads it."""
    return None if mask is None else mask.cpu().numpy()


def evaluation_walks(settings: Settings, tree: TreeMDP, seeds: Sequence[int], protocol: Protocol) -> Walks:
    """The walks (M, T, B) of a protocol, from each member's own seed."""
    e = settings.evaluation
    streams = generators(seeds, "evaluation walks", tree.device)
    region = evaluation_region(settings, tree)
    return tree.walks(e.length, e.walks, streams, start=STARTS[protocol], region=region)


@torch.no_grad()
def trajectories(
    model: RSSM, walks: Walks, tree: TreeMDP, seen: Tensor, truth: Tensor, seeds: Sequence[int], *, gate: float
) -> Iterator[Trajectories]:
    """Per member, what the model makes of the observations ``seen`` (M, T, B, D) on walks whose observations are
    ``truth``.

    Latents are sampled, as in training; locations are the posterior's.
    """
    family = model.family
    streams = generators(seeds, "evaluation noise", seen.device)
    noise = torch.stack([family.noise(g, *seen.shape[1:3]) for g in streams])
    rollout = model.observe(seen, walks.actions, noise, gate=gate)
    terms = family.kl_terms(rollout.posterior, rollout.prior, rollout.stoch, log_drift_max=None)
    if "kl" not in terms:
        terms["kl"] = torch.stack(list(terms.values())).sum(0)
    location = family.location(rollout.posterior)
    attenuation = family.attenuation(rollout.posterior)

    def array(tensor: Tensor) -> np.ndarray:
        return tensor.cpu().numpy()

    depth, branch = tree.node_depth[walks.nodes], tree.branch[walks.nodes]
    for k in range(len(seeds)):
        yield Trajectories(
            nodes=array(walks.nodes[k]),
            depth=array(depth[k]),
            branch=array(branch[k]),
            observations=array(truth[k]),
            reconstructions=array(rollout.reconstruction[k]),
            location=array(location[k]),
            has_height=family.has_height,
            attenuation=None if attenuation is None else array(attenuation[k]),
            kl_terms={name: array(term[k]) for name, term in terms.items()},
        )
