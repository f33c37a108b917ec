"""Tests of the whole package: of the one that is installed, as its command runs it.

`python -m pytest` would find the folder beside the tests first. Then kernels would be compiled twice, for the tests and
for the command, and nobody would notice what a wheel lacks.
"""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
"""The folder that holds the tests; what is installed comes before what lies there."""

sys.path[:] = [*(each for each in sys.path if Path(each).resolve() != ROOT), str(ROOT)]
