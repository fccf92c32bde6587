"""What a VAE's records may say."""

from __future__ import annotations

from hrssm.training.vocabulary import Vocabulary, Word

__all__ = ["VOCABULARY"]

VOCABULARY = Vocabulary(
    metrics={
        "bound": Word("bound (nats)", "importance-weighted bound on log p(x), nats per image, all constants kept"),
        "bound_error": Word("Monte Carlo error of the bound", "standard error of the bound from the draws of z, nats"),
        "elbo": Word("ELBO (nats)", "evidence lower bound, one sample, nats per image"),
        "elbo_error": Word("Monte Carlo error of the ELBO", "standard error of the ELBO from the draws of z, nats"),
        "negative_elbo": Word("−ELBO (nats)", "minus the ELBO, what training minimises, nats per image"),
        "reconstruction": Word("E log p(x|z)", "log-likelihood of an image under its posterior's samples, nats"),
        "kl": Word("KL (nats)", "KL of the posterior from the prior, nats per image"),
        "effective": Word("effective samples", "effective number of importance weights per image"),
        "active": Word("active coordinates", "coordinates whose location varies over images by more than 0.01"),
        "score_correlation": Word(
            "r with the lost score",
            "correlation with minus the game's score of the location's coordinate that has the largest on validation",
        ),
        "beta_correlation": Word(
            "r of β with the lost score",
            "correlation with minus the game's score of the height of the plane that has the largest on validation",
        ),
        "factors_r2": Word(
            "R² of factors", "place and size of a sprite from nearest neighbours in the latent, mean R² on test images"
        ),
        "diverged": Word("diverged", "share of the cell's members that diverged in training"),
        "edge_failures": Word(
            "failures at the edges", "share of values and gradients of the law that are not finite, float32"
        ),
        "edge_failures_float64": Word("failures at the edges, float64", "the same in float64"),
        "edge_error": Word(
            "float32 error at the edges", "95th percentile of the relative difference of the KL's gradient to float64's"
        ),
    },
    training={
        "loss": Word("loss", "what is minimised, nats per image"),
        "reconstruction": Word("E log p(x|z) in training", "log-likelihood under one sample, training batch, nats"),
        "kl": Word("KL in training (nats)", "KL of the posterior from the prior on the training batch"),
        "kl_height": Word("KL in training, height term", "its height term"),
        "kl_fibre": Word("KL in training, fibre term", "its fibre term"),
        "kl_drift": Word("KL in training, drift term", "its drift term"),
        "curvature": Word("learned c", "c of the planes of curvature -c, where it is learned"),
        "gradient_norm": Word("gradient norm", "Euclidean norm of the gradient before it is clipped"),
        "clamped_scale": Word("scales held", "share of log scales that the bounds hold"),
        "clamped_height": Word("heights held", "share of heights at their bound"),
    },
    controls={
        "trained": Word("trained", "the model itself, at its best weights by validation"),
        "untrained": Word("untrained", "each member's own initial weights"),
        "shuffled": Word("shuffled latents", "z from the posterior of another test image"),
        "blind": Word("z ignored", "the best decoder that ignores z: independent pixels, exact on training images"),
        "law": Word("law alone", "the latent law at the edges of its bounds, whatever the weights"),
    },
    protocols={
        "test": Word("test", "a fixed set of test images"),
        "validation": Word("validation", "a fixed set of validation images, during training"),
        "edges": Word("edges", "locations near and far, scales at their bounds"),
        "train": Word("training", "the training batch"),
    },
    ranges={
        "in": Word("", "the test part"),
        "unseen": Word("unseen episodes", "whole episodes that training never saw, where the test part shares some"),
    },
    evaluation={"published": "test", "intended": "test"},
    curves="validation",
    plateau="negative_elbo",
    plateau_protocol="validation",
    counterparts={},
    seedless=("blind",),
)
