"""Networks with a leading member axis: an ensemble of M networks is one batched network."""
