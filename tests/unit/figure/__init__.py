"""Tests of figures: declarations, what is computed and fitted for them, claims, files, the command."""
