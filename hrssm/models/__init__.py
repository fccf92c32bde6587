"""World models: networks with a member axis, latent families, the recurrent state-space model and its objective."""

from hrssm.latents.table import FAMILIES, Bounds, LatentFamily
from hrssm.systems.rssm.model import RSSM, Rollout
from hrssm.systems.rssm.objective import Objective

__all__ = ["FAMILIES", "RSSM", "Bounds", "LatentFamily", "Objective", "Rollout"]
