"""What tests share: commands and clusters that they start, models without physics, independent solutions, data."""

from pathlib import Path

SUPPORT = Path(__file__).parent
"""The folder of models without physics, among other things."""
