"""Independent categorical variables as one-hot columns: their probabilities, and draws from explicit noise."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["OneHot"]


@dataclass(frozen=True)
class OneHot:
    """``variables`` variables of ``classes`` classes each, from logits (..., classes * variables).

    ``uniform_share`` of every law is uniform, so that no class ever has probability zero. Rows of logits are read as
    (classes, variables): a softmax over few classes is several times slower along the last axis than along the one
    before it.
    """

    variables: int
    classes: int
    uniform_share: float = 0.01

    @property
    def size(self) -> int:
        """How many numbers a row of logits, of noise or of a draw has."""
        return self.variables * self.classes

    def probabilities(self, logits: Tensor) -> Tensor:
        """The probability (..., classes, variables) of each class of each variable."""
        learned = logits.unflatten(-1, (self.classes, self.variables)).softmax(-2)
        return (1 - self.uniform_share) * learned + self.uniform_share / self.classes

    def noise(self, generator: torch.Generator, *shape: int, dtype: torch.dtype = torch.float32) -> Tensor:
        """Standard exponentials (*shape, size): the class is drawn whose exponential over its probability is least."""
        uniform = torch.rand(*shape, self.size, generator=generator, device=generator.device, dtype=dtype)
        return uniform.log_().neg_()

    def draw(self, probabilities: Tensor, noise: Tensor) -> Tensor:
        """The classes drawn (..., variables)."""
        scores = probabilities.detach() / noise.view_as(probabilities)
        return scores.transpose(-2, -1).argmax(-1)

    def coded(self, classes: Tensor, dtype: torch.dtype = torch.float32) -> Tensor:
        """Classes (..., variables) as one-hot columns, flattened (..., size)."""
        zeros = torch.zeros(*classes.shape[:-1], self.classes, self.variables, dtype=dtype, device=classes.device)
        return zeros.scatter_(-2, classes.unsqueeze(-2), 1.0).flatten(-2)

    def chosen(self, code: Tensor) -> Tensor:
        """The classes (..., variables) of one-hot columns (..., size), or the likeliest ones of logits."""
        return code.unflatten(-1, (self.classes, self.variables)).argmax(-2)
