"""The recurrent state-space model: a latent of any family, trained on walks over a tree."""
