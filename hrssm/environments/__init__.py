"""Environments: one file each, as tensors or behind Gymnasium; import them from their modules."""
