"""Tests of one part at a time: sweeps, stores, reductions, fits, figures."""
