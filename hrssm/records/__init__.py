"""Records of runs: columns, manifests, atomic writes, and the digest of the sources they come from."""
