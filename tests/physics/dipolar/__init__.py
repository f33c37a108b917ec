"""Tests of the driven dipolar spins: steady states, and what is seen of them."""
