"""Tests of the physics: dynamics, entanglement, disorder."""
