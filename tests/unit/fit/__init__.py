"""Tests of the fits, on synthetic ensembles whose laws are known."""
