"""What the records of a state update may say."""

from __future__ import annotations

from hrssm.evaluation.horizons import GROWTH_METRICS, HORIZONS
from hrssm.training.vocabulary import Vocabulary, Word

__all__ = ["VOCABULARY"]

VOCABULARY = Vocabulary(
    metrics={
        "accuracy": Word("accuracy", "share of the steps in (T/20, T] whose depth is named"),
        "jacobian_norm": Word("‖∂h'/∂h‖", "spectral norm of the update's Jacobian at the horizon, mean over sequences"),
        "lyapunov": Word(
            "λ (per step)", "log growth per step of a small perturbation of the state, mean over the steps in (T/20, T]"
        ),
        "gate_violations": Word(
            "|h'| > max(|h|, |c|)", "share of steps whose norm exceeds that of state and candidate; of gated updates"
        ),
        "bound_use": Word("|h| / bound", "largest share of its bound that a state reaches; of gated updates"),
        **{name: Word(*words) for name, words in GROWTH_METRICS.items()},
    },
    training={
        "loss": Word("loss", "cross-entropy of the depth, nats per step"),
        "accuracy": Word("accuracy in training", "share of the steps of the training batch whose depth is named"),
        "gradient_norm": Word("gradient norm", "Euclidean norm of the gradient before it is clipped"),
    },
    controls={
        "trained": Word("trained", "the model itself"),
        "untrained": Word("untrained", "each member's own initial weights"),
        "parity": Word("parity", "names the likeliest depth of the step's parity; it sees no move; exact"),
    },
    protocols={
        "rollout": Word("roll-out", "fresh sequences from a stationary start, far beyond the training length"),
        "train": Word("training", "what training itself records"),
    },
    ranges={
        "in": Word("", "the length that training visits"),
        **{name: Word(*words) for name, words in HORIZONS.items()},
    },
    evaluation={"published": "rollout", "intended": "rollout"},
    curves="train",
    counterparts={},
    plateau="loss",
)
