"""Variational autoencoders of images with latents on products of hyperbolic planes: GM-VAE and what it is compared to.

Cho, Lee, Kim (2023), "Hyperbolic VAE via Latent Gaussian Distributions", NeurIPS.
"""
