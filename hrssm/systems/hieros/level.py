"""One level of an agent: a world model, an actor and a critic on it, a replay, and how they learn together."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from hrssm.latents.one_hot import OneHot
from hrssm.latents.table import latent
from hrssm.replay.buffer import Field, ReplayBuffer
from hrssm.replay.samplers import Beta, Law, TimeBalanced, Uniform
from hrssm.systems.hieros.actor_critic import Actor, Critic, Spread, actor_inputs, discounts, returns
from hrssm.systems.hieros.settings import Replay, Settings
from hrssm.systems.hieros.world_model import Moment, Window, WorldModel
from hrssm.training.optimiser import Optimiser
from hrssm.training.seeds import generators

__all__ = ["Level"]


class Imagined(NamedTuple):
    """Trajectories of H actions from N starts: what actor and critic see at every step (M, H + 1, N, I), the actions'
    log-probabilities and the policy's entropy, rewards and continue probabilities of what came of them (M, H, N)."""

    inputs: Tensor
    log_prob: Tensor
    entropy: Tensor
    rewards: Tensor
    continues: Tensor


class Level:
    """An agent of one level, with a seed of its own: it acts, remembers, and learns from what it remembers.

    observation is the shape of what it sees; actions are one-hot columns.
    """

    def __init__(
        self,
        settings: Settings,
        observation: tuple[int, ...],
        columns: OneHot,
        seed: int,
        device: torch.device,
    ) -> None:
        self.settings, self.device, self.columns = settings, device, columns
        weights = generators([seed], "weights", device)
        self.family = latent(settings.model.latent.family)(settings.model.latent.dim)
        self.model = WorldModel(settings.model, self.family, observation, columns.size, weights)
        inputs = self.family.dim + settings.model.width + len(settings.agent.inputs)
        self.actor = Actor(settings.agent, inputs, columns, weights)
        self.critic = Critic(settings.agent, inputs, weights)
        self.spread = Spread(1, device)
        t = settings.training
        self.optimisers = {
            "model": Optimiser(self.model, t.learning_rate, t.clip),
            "actor": Optimiser(self.actor, t.actor_learning_rate, t.actor_clip),
            "critic": Optimiser(self.critic, t.actor_learning_rate, t.actor_clip),
        }
        self.draws = {
            name: generators([seed], name, device)[0]
            for name in ("noise", "acting", "imagination")  # type: ignore[arg-type]
        }
        kind = torch.uint8 if len(observation) == 3 else torch.float32
        fields = {
            "observation": Field(observation, kind),
            "action": Field((columns.variables,), torch.uint8),
            "reward": Field(),
            "first": Field((), torch.bool),
            "terminal": Field((), torch.bool),
        }
        self.replay = ReplayBuffer(
            fields, settings.replay.capacity, generators([seed], "replay")[0], law=law(settings.replay)
        )
        self.moment, self.action = self.model.begin(1), torch.zeros(1, 1, columns.size, device=device)
        self.prepared: Any = None

    @property
    def alive(self) -> bool:
        """Whether every loss and gradient has been finite."""
        return all(bool(optimiser.finite.all()) for optimiser in self.optimisers.values())

    @property
    def parameters(self) -> int:
        """How many numbers are trained."""
        return sum(p[0].numel() for module in self.modules().values() for p in module.parameters() if p.requires_grad)

    def modules(self) -> dict[str, nn.Module]:
        """What holds weights, by name."""
        return {"model": self.model, "actor": self.actor, "critic": self.critic, "spread": self.spread}

    @torch.no_grad()
    def act(self, observation: Tensor, *, first: bool) -> Tensor:
        """See an observation (1, 1, ...) and choose: the class of each variable (variables,)."""
        if self.prepared is None:
            self.prepared = self.model.prepare()
        g = self.draws["acting"]
        self.moment = self.model.perceive(
            self.moment, self.action, observation, self._noise(g, 1), self.prepared, first=first
        )
        inputs, _ = self._seen(self.moment)
        self.action = self.actor(inputs, self.columns.noise(g, 1, 1)).action
        return self.columns.chosen(self.action[0, 0])

    def update(self) -> dict[str, Tensor]:
        """One update of world model, actor and critic, and what it saw, each (1,)."""
        t = self.settings.training
        window = self._window(self.replay.sample(t.batch, t.length))
        noise = self._noise(self.draws["noise"], t.length, t.batch)
        observed = self.model.observe(window, noise)
        report = self.model.loss(observed, window)
        report["gradient_norm"] = self.optimisers["model"].step(report["loss"])
        self.prepared = self.model.prepare()
        goes_on = (~window.terminal).flatten(1, 2).float()
        report |= self._learn_to_act(observed.moments(), goes_on)
        with torch.no_grad():
            self.prepared = self.model.prepare()
        return {name: value.detach() for name, value in report.items()}

    def _learn_to_act(self, starts: Moment, goes_on: Tensor) -> dict[str, Tensor]:
        a = self.settings.agent
        imagined = self._imagine(starts)
        logits = self.critic(imagined.inputs.flatten(1, 2)).unflatten(1, imagined.inputs.shape[1:3])
        with torch.no_grad():
            values = self.critic.value(logits)
            targets = returns(imagined.rewards, imagined.continues, values, discount=a.discount, trace=a.trace)
            weights = discounts(goes_on, imagined.continues, discount=a.discount)
            scale = self.spread.update(targets) if a.normalise == "percentile" else torch.ones(1, device=self.device)
            advantage = (targets - values[:, :-1]) / scale[:, None, None]
        objective = imagined.log_prob * advantage + a.entropy * imagined.entropy
        actor_loss = -(weights * objective).flatten(1).mean(1)
        self.optimisers["actor"].step(actor_loss)
        seen = imagined.inputs[:, :-1].flatten(1, 2)
        each = self.critic.loss(logits[:, :-1].flatten(1, 2), seen, targets.flatten(1, 2))
        critic_loss = (weights.flatten(1) * each).mean(1)
        self.optimisers["critic"].step(critic_loss)
        self.critic.follow()
        return {
            "actor_loss": actor_loss,
            "critic_loss": critic_loss,
            "policy_entropy": imagined.entropy.flatten(1).mean(1),
            "imagined_return": targets.flatten(1).mean(1),
            "imagined_reward": imagined.rewards.flatten(1).mean(1),
        }

    def _imagine(self, moment: Moment) -> Imagined:
        """Follow the actor through the world model; only the actor's choices carry gradients."""
        g, rows = self.draws["imagination"], moment.stoch.shape[1]
        inputs, logs, entropies, rewards, continues = ([] for _ in range(5))
        for k in range(self.settings.agent.horizon + 1):
            with torch.no_grad():
                seen, extras = self._seen(moment)
            inputs.append(seen)
            if k:
                rewards.append(extras["reward"])
                continues.append(extras["continue"])
            if k == self.settings.agent.horizon:
                break
            choice = self.actor(seen, self.columns.noise(g, 1, rows))
            logs.append(choice.log_prob)
            entropies.append(choice.entropy)
            with torch.no_grad():
                moment = self.model.imagine(moment, choice.action, self._noise(g, rows), self.prepared)
        return Imagined(*(torch.stack(each, 1) for each in (inputs, logs, entropies, rewards, continues)))

    def _seen(self, moment: Moment) -> tuple[Tensor, dict[str, Tensor]]:
        """What actor and critic see at a moment, and what the heads predict there."""
        features = moment.features
        extras = {
            "reward": self.model.predicted_reward(features),
            "continue": self.model.predicted_continue(features),
        }
        if "entropy" in self.settings.agent.inputs:
            extras["entropy"] = self.family.entropy(moment.law)
        return actor_inputs(self.settings.agent, features, extras), extras

    def _window(self, rows: Mapping[str, Tensor]) -> Window:
        """Drawn windows (B, T, ...) as the world model takes them, (1, T, B, ...)."""
        turned = {name: row.to(self.device).transpose(0, 1)[None] for name, row in rows.items()}
        turned["action"] = self.columns.coded(turned["action"].long())
        return Window(**turned)

    def _noise(self, g: torch.Generator, *shape: int) -> Tensor:
        return self.family.noise(g, 1, *shape)

    def state_dict(self) -> dict[str, Any]:
        """All that changes, but for the weights."""
        return {
            "optimisers": {name: optimiser.state_dict() for name, optimiser in self.optimisers.items()},
            "draws": {name: g.get_state() for name, g in self.draws.items()},
            "replay": self.replay.state_dict(),
            "moment": list(self.moment),
            "action": self.action,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go back to a state."""
        for name, optimiser in self.optimisers.items():
            optimiser.load_state_dict(state["optimisers"][name])
        for name, g in self.draws.items():
            g.set_state(state["draws"][name].cpu())
        self.replay.load_state_dict(state["replay"])
        self.moment, self.action = Moment(*state["moment"]), state["action"]
        self.prepared = None


def law(settings: Replay) -> Law:
    """The law that settings name."""
    if settings.law == "time-balanced":
        return TimeBalanced(settings.tau)
    return Beta(settings.power) if settings.law == "beta" else Uniform()
