"""A VAE on scikit-learn's digits; the latent law is one word: python examples/vae.py --latent horospherical"""

import argparse

import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.distributions import Distribution, kl_divergence

from hrssm.distributions import (
    Gaussian,
    GaussianManifoldNormal,
    HorosphericalGaussian,
    RiemannianNormal,
    WrappedNormal,
)

D = 4
LATENTS = {  # from a head's 2 D numbers, of which a family takes what it needs
    "horospherical": lambda h: HorosphericalGaussian(h[..., 0], h[..., 1:D], h[..., D].exp(), h[..., D + 1].exp()),
    "diagonal": lambda h: HorosphericalGaussian(h[..., 0], h[..., 1:D], h[..., D].exp(), h[..., D + 1 :].exp()),
    "wrapped": lambda h: WrappedNormal(h[..., :D], h[..., D:].exp()),
    "riemannian": lambda h: RiemannianNormal(h[..., :D], h[..., D].exp()),
    "manifold": lambda h: GaussianManifoldNormal(*h[..., : 3 * D // 2].chunk(3, -1)),
    "gaussian": lambda h: Gaussian(h[..., :D], h[..., D:].exp()),
}


class VAE(nn.Module):
    def __init__(self, latent: str) -> None:
        super().__init__()
        self.law = LATENTS[latent]
        self.encoder = nn.Sequential(nn.Linear(64, 128), nn.ELU(), nn.Linear(128, 2 * D))
        self.decoder = nn.Sequential(nn.Linear(D, 128), nn.ELU(), nn.Linear(128, 64))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor, Distribution]:
        """Squared error summed over pixels, KL in nats, and the posterior."""
        q, prior = self.law(self.encoder(x)), self.law(torch.zeros(2 * D))
        error = (self.decoder(q.rsample()) - x).square().sum(-1)
        return error.mean(), kl_divergence(q, prior).mean(), q


def train(latent: str = "horospherical", steps: int = 2000, seed: int = 0) -> tuple[float, float]:
    """Mean error and KL over the last tenth of the steps."""
    torch.manual_seed(seed)
    x = torch.as_tensor(load_digits(return_X_y=True)[0], dtype=torch.float32) / 16
    vae, history = VAE(latent), []
    adam = torch.optim.Adam(vae.parameters(), 1e-3)
    for _ in range(steps):
        error, kl, _ = vae(x[torch.randint(len(x), (128,))])
        adam.zero_grad()
        (10 * error + kl).backward()  # a Gaussian likelihood of variance 1/20
        adam.step()
        history.append((error.item(), kl.item()))
    tail = torch.tensor(history[-max(1, steps // 10) :]).mean(0)
    return float(tail[0]), float(tail[1])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--latent", choices=LATENTS, default="horospherical")
    parser.add_argument("--steps", type=int, default=2000)
    options = parser.parse_args()
    print("squared error {:.3f}, KL {:.2f} nats".format(*train(options.latent, options.steps)))
