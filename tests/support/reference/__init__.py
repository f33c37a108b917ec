"""Independent, slow and plain solutions of what the package computes: what its results are compared with."""
