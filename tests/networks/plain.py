"""State updates written out once more: one member, torch's own modules, a formula a line.

They share no code with hrssm.networks; tests hold every update to them, alone and in the recurrence of a model.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def fill(linear: nn.Linear, weight: Tensor, bias: Tensor) -> None:
    """Take over a weight (in, out) and a bias (1, out)."""
    linear.weight.copy_(weight.T)
    linear.bias.copy_(bias[0])


class Plain(nn.Module):
    """An update by its name; a state is (N, H), and (N, 2 H) for "lstm"."""

    def __init__(self, name: str, inputs: int, hidden: int) -> None:
        super().__init__()
        self.name, self.hidden, self.width = name, hidden, 2 * hidden if name == "lstm" else hidden
        if name == "gru":
            self.cell = nn.GRUCell(inputs, hidden)
        elif name == "lstm":
            self.cell = nn.LSTMCell(inputs, hidden)
        else:
            self.branch = nn.Sequential(nn.Linear(inputs + hidden, hidden), nn.ELU(), nn.Linear(hidden, hidden))
        if name == "residual-layernorm":
            self.norm = nn.LayerNorm(hidden)
        if name.startswith("gated"):
            self.gate = nn.Linear(inputs + hidden, 1 if "scalar" in name else hidden)

    def visible(self, state: Tensor) -> Tensor:
        return state[:, : self.hidden]

    def forward(self, x: Tensor, h: Tensor) -> Tensor:
        if self.name == "gru":
            return self.cell(x, h)
        if self.name == "lstm":
            return torch.cat(self.cell(x, (h[:, : self.hidden], h[:, self.hidden :])), 1)
        if self.name == "residual-layernorm":
            return h + self.branch(torch.cat((x, self.norm(h)), 1))
        out = self.branch(torch.cat((x, h), 1))
        if self.name == "residual":
            return h + out
        if self.name == "direct":
            return out
        if self.name == "direct-bounded":
            return torch.tanh(out)
        if self.name == "unit-norm":
            return (h + out) / (h + out).norm(dim=1, keepdim=True)
        alpha = torch.sigmoid(self.gate(torch.cat((x, h), 1)))
        if self.name.endswith("free"):
            candidate = out
        elif self.name.endswith("unit"):
            candidate = out / out.norm(dim=1, keepdim=True)
        else:
            candidate = torch.tanh(out)
        return (1 - alpha) * h + alpha * candidate

    @torch.no_grad()
    def load_member(self, state: dict[str, Tensor], member: int) -> None:
        """Take over the weights of one member of a state dict of hrssm.networks."""
        s = {name: tensor[member] for name, tensor in state.items()}
        if self.name in ("gru", "lstm"):
            self.cell.weight_ih.copy_(s["input_weight"].T)
            self.cell.weight_hh.copy_(s["state_weight"].T)
            self.cell.bias_ih.copy_(s["input_bias"][0])
            self.cell.bias_hh.copy_(s["state_bias"][0])
            return
        fill(self.branch[0], s["branch.layers.0.weight"], s["branch.layers.0.bias"])
        fill(self.branch[2], s["branch.layers.1.weight"], s["branch.layers.1.bias"])
        if self.name == "residual-layernorm":
            self.norm.weight.copy_(s["norm.gain"][0])
            self.norm.bias.copy_(s["norm.bias"][0])
        if self.name.startswith("gated"):
            fill(self.gate, s["gate.weight"], s["gate.bias"])
