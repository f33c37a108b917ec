"""Tests of localized systems that feel one another through their averages."""
