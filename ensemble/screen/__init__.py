"""What appears on the terminal.

terminal    how wide it is, and the look of tables
progress    a bar or lines while a run goes on
tables      plans, stores, averages
fits        fits, claims, what figures still need
cards       models
"""

from ensemble.screen.cards import model_card
from ensemble.screen.fits import claim_table, fit_table, verdicts, work_table
from ensemble.screen.progress import ProgressWatch, told
from ensemble.screen.tables import average_tables, plan_table, statistics_table, status_rows, status_table
from ensemble.screen.terminal import console

__all__ = [
    "ProgressWatch",
    "average_tables",
    "claim_table",
    "console",
    "fit_table",
    "model_card",
    "plan_table",
    "statistics_table",
    "status_rows",
    "status_table",
    "told",
    "verdicts",
    "work_table",
]
