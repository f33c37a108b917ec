"""Tests of what may go wrong: kills, disks, memory, clocks, input at random."""
