"""Tests of commands and clusters, from the sweep file to the table."""
