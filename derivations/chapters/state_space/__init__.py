"""State-space layers: their initial matrix, discretisation, scan and gradient."""
