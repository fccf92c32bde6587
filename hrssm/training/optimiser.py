"""Adam with a gradient clip per member, and members that can be stopped without touching the others."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Optimiser:
    """Adam on an ensemble: each member's gradient is clipped by its own norm, as if it trained alone.

    ``finite`` (members,) says which members have had a finite loss and gradient at every step so far; one that has not
    is out from then on: its gradient is zeroed, so that nothing spreads, and its record ends there.
    """

    def __init__(self, model: nn.Module, learning_rate: float, clip: float) -> None:
        self.parameters = [p for p in model.parameters() if p.requires_grad]
        self.adam = torch.optim.Adam(self.parameters, lr=learning_rate, fused=True)
        self.clip = clip
        first = self.parameters[0]
        self.finite = torch.ones(first.shape[0], dtype=torch.bool, device=first.device)

    def step(self, loss: Tensor) -> Tensor:
        """One step on the losses (members,); returns the gradient norms (members,) before clipping."""
        self.adam.zero_grad(set_to_none=True)
        loss.sum().backward()
        gradients = [p.grad for p in self.parameters if p.grad is not None]
        # Norm by norm: joining all gradients, or squaring them, would write as much again as the backward pass did.
        norms = [torch.linalg.vector_norm(g.flatten(1), dim=1) for g in gradients]
        norm = torch.linalg.vector_norm(torch.stack(norms), dim=0)
        self.finite &= loss.detach().isfinite() & norm.isfinite()
        factor = torch.where(self.finite, (self.clip / (norm + 1e-6)).clamp(max=1.0), 0.0)
        if bool((factor < 1).any()):
            for g in gradients:
                g.mul_(factor.view(-1, *(1 for _ in g.shape[1:])))
            if not bool(self.finite.all()):
                # 0 * NaN is NaN: a stopped member's gradient must be replaced, not scaled.
                for g in gradients:
                    g[~self.finite] = 0.0
        self.adam.step()
        return norm

    def state_dict(self) -> dict[str, object]:
        return {"adam": self.adam.state_dict(), "finite": self.finite}

    def load_state_dict(self, state: dict) -> None:
        self.adam.load_state_dict(state["adam"])
        self.finite.copy_(state["finite"])
