"""Tests of spins on a ring with random couplings that reach far."""
