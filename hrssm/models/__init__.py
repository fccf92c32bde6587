"""World models: networks with a member axis, latent families, the recurrent state-space model and its objective."""

from hrssm.models.latents import FAMILIES, Bounds, LatentFamily
from hrssm.models.objective import Objective
from hrssm.models.rssm import RSSM, Rollout

__all__ = ["FAMILIES", "RSSM", "Bounds", "LatentFamily", "Objective", "Rollout"]
