"""What an agent's records may say."""

from __future__ import annotations

from hrssm.training.vocabulary import Vocabulary, Word

__all__ = ["VOCABULARY"]

VOCABULARY = Vocabulary(
    metrics={
        "return": Word("return", "sum of an episode's rewards, mean over episodes"),
        "success": Word("success", "share of episodes that terminated by themselves, in a task with goals the reached"),
        "length": Word("length", "decisions in an episode, mean over episodes"),
    },
    training={
        "loss": Word("world-model loss", "what the world model minimises, per step of a window"),
        "reconstruction": Word("reconstruction", "squared error of the decoder, summed over coordinates or pixels"),
        "reward_loss": Word("reward loss (nats)", "cross-entropy of the predicted reward"),
        "continue_loss": Word("continue loss (nats)", "cross-entropy of whether the episode goes on"),
        "kl": Word("KL (nats)", "KL of the posterior of z from its prior, per step"),
        "gradient_norm": Word("gradient norm", "Euclidean norm of the world model's gradient before it is clipped"),
        "actor_loss": Word("actor loss", "what the actor minimises, per imagined step"),
        "critic_loss": Word("critic loss (nats)", "cross-entropies of the critic, per imagined step"),
        "policy_entropy": Word("policy entropy (nats)", "entropy of the actor's choices in imagination"),
        "imagined_return": Word("imagined return", "lambda-returns in imagination"),
        "imagined_reward": Word("imagined reward", "reward per imagined step"),
        "decisions": Word("decisions", "decisions taken in the environment so far"),
        "episode_return": Word("return in training", "sum of rewards of the episodes finished since the last point"),
        "episode_success": Word("success in training", "share of them that terminated by themselves"),
        "episode_length": Word("length in training", "decisions in them"),
    },
    controls={
        "trained": Word("trained", "the agent itself"),
        "untrained": Word("untrained", "each seed's own initial weights"),
        "random": Word("random", "every action alike at every step"),
    },
    protocols={
        "episodes": Word("episodes", "whole episodes from the task's own starts, actions drawn from the policy"),
        "train": Word("training", "what training itself records"),
    },
    ranges={"in": Word("as trained", "the task that the agent was trained on")},
    evaluation={"published": "episodes", "intended": "episodes"},
    curves="episodes",
    counterparts={},
    plateau="loss",
)
