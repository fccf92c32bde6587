"""What an RSSM's records may say."""

from __future__ import annotations

from hrssm.evaluation.horizons import GROWTH_METRICS, HORIZONS
from hrssm.training.vocabulary import Vocabulary, Word

__all__ = ["VOCABULARY"]

# Labels in plain Unicode, because the paper prints them as text and a figure as they stand.
VOCABULARY = Vocabulary(
    metrics={
        "mse": Word("MSE", "squared error of the reconstruction, mean over samples and coordinates"),
        "kl": Word("KL (nats)", "KL of the posterior from the prior, nats per step"),
        "kl_height": Word("KL, height term", "height term of the KL, nats per step"),
        "kl_fibre": Word("KL, fibre term", "fibre term of the KL, nats per step"),
        "kl_drift": Word("KL, drift term", "drift term of the KL, nats per step"),
        "rho_height": Word("ρ of height with depth", "rank correlation of the height with depth, signed"),
        "rho_first_pc": Word(
            "ρ of the first PC",
            "rank correlation of the first principal component with depth; its sign is a convention",
        ),
        "rho_best_pc": Word(
            "largest |ρ| of eight PCs",
            "largest absolute rank correlation with depth over the first 8 principal components",
        ),
        "rho_given_t": Word(
            "ρ within a step",
            "rank correlation with depth within a step, mean over steps; height, or best component",
        ),
        "rho_first_given_t": Word(
            "ρ of the first coordinate within a step",
            "rank correlation of the first coordinate with depth within a step, signed, whatever the family",
        ),
        "rho_nodes": Word(
            "ρ over nodes", "rank correlation with depth over nodes, one mean value each; height, or best component"
        ),
        "rho_best_pc_given_t": Word(
            "best PC, |ρ| within a step",
            "rank correlation with depth within a step, mean over steps; best component",
        ),
        "rho_best_pc_nodes": Word(
            "best PC, |ρ| over nodes",
            "rank correlation with depth over nodes, one mean value each; best component",
        ),
        "rho_ceiling": Word(
            "largest attainable ρ", "largest rank correlation that a score without ties can reach on these depths"
        ),
        "rho_ceiling_given_t": Word("largest attainable ρ within a step", "the same within a step, mean over steps"),
        "rho_ceiling_nodes": Word("largest attainable ρ over nodes", "the same over nodes"),
        "depth_probe_accuracy": Word(
            "depth probe", "depth read from the height (or the best component), plain accuracy"
        ),
        "depth_probe_balanced": Word("depth probe, balanced", "the same, mean recall over depths"),
        "depth_majority": Word("depth, majority class", "share of the most frequent depth"),
        "depth_probe_all_accuracy": Word(
            "depth probe, whole latent", "depth read from the whole location, plain accuracy"
        ),
        "depth_probe_all_balanced": Word("depth probe, whole latent, balanced", "the same, mean recall over depths"),
        "branch_probe_accuracy": Word(
            "branch probe", "branch at depth 1 read from the fibre (or the whole location), plain accuracy"
        ),
        "branch_probe_balanced": Word("branch probe, balanced", "the same, mean recall over branches"),
        "branch_majority": Word(
            "branch, majority class", "share of the most frequent branch among the samples at depth 1"
        ),
        "branch_samples": Word("samples at depth 1", "number of samples at depth 1"),
        "probe_unconverged": Word("unconverged probes", "number of probe fits that ran out of iterations"),
        "attenuation": Word("E[exp τ]", "E[e^tau] under the posterior, mean over samples"),
        "kl_fibre_depth_slope": Word(
            "fibre term, slope in depth", "slope of the fibre term on depth within a step, nats per level"
        ),
        "kl_drift_depth_slope": Word(
            "drift term, slope in depth", "slope of the drift term on depth within a step, nats per level"
        ),
        **{name: Word(*words) for name, words in GROWTH_METRICS.items()},
    },
    training={
        "loss": Word("loss", "what is minimised, per step of a walk"),
        "mse": Word("MSE in training", "squared error of the reconstruction on the training batch"),
        "kl": Word("KL in training (nats)", "KL of the posterior from the prior on the training batch"),
        "kl_height": Word("KL in training, height term", "its height term"),
        "kl_fibre": Word("KL in training, fibre term", "its fibre term"),
        "kl_drift": Word("KL in training, drift term", "its drift term"),
        "gradient_norm": Word("gradient norm", "Euclidean norm of the gradient before it is clipped"),
        "clamped_scale": Word("scales held", "share of log scales that the bounds hold"),
        "clamped_height": Word("heights held", "share of sampled heights at their bound"),
        "clamped_drift": Word("drift moments held", "share of log drift moments above their clamp"),
        "shift_deeper": Word("learned offset after a deeper move", "how far the prior's height moves after it"),
        "shift_shallower": Word("learned offset after a shallower move", "how far the prior's height moves after it"),
    },
    controls={
        "trained": Word("trained", "the model itself"),
        "blind-clock": Word("clock", "a predictor that sees the step number and no observation; exact"),
        "untrained": Word("untrained", "each member's own initial weights"),
        "other-walk": Word("other walk", "the observations of another walk of the batch"),
        "zeros": Word("zeros", "observations of nothing"),
        "depth-swapped": Word("swapped", "depth embeddings permuted"),
        "depth-redrawn": Word("redrawn", "depth embeddings drawn anew"),
    },
    protocols={
        "published": Word("as published", "walks started uniformly; probes scored on the samples they are fitted on"),
        "every_depth": Word("every depth", "walks started at every depth alike; probes held out by walk"),
        "imagined": Word("imagined", "the prior rolled out from the end of an observed walk, without observations"),
        "train": Word("training", "what training itself records"),
    },
    ranges={
        "in": Word("", "the depths that training visits; in imagination, the length that it trains on"),
        "out": Word("unseen depths", "depths that training never visits"),
        **{name: Word(*words) for name, words in HORIZONS.items()},
    },
    evaluation={"published": "published", "intended": "every_depth"},
    curves="published",
    plateau="mse",
    counterparts={
        "rho_height": "rho_given_t",
        "rho_best_pc": "rho_nodes",
        "rho_first_pc": "rho_nodes",
        "depth_probe_accuracy": "depth_probe_balanced",
        "branch_probe_accuracy": "branch_probe_balanced",
    },
)
