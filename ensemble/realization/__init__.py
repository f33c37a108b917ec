"""Compute realizations: random streams, the functions that a worker calls, and the timeout of one realization.

random_streams   the random stream of a realization
compute          functions that run on a worker: compute realizations and write their chunk
time_limit       timeout: call a function in a subprocess, and stop the subprocess when a call takes too long
comparison       compare a recomputed realization with the stored one
"""
