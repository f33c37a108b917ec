"""`python -m ensemble`: the command line, where `ensemble` itself is not on the PATH."""

from ensemble.cli import start

start()
