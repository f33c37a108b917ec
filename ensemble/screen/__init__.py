"""What appears on the terminal.

lines       lines other than tables
terminal    how wide it is, and the look of tables
progress    a bar or lines while a run goes on
status      what a store holds
codes       which code computed it
tables      plans, averages
fits        fits, claims, what figures still need
cards       models

A module loads when one of its names is first used: what a store holds is told without the means to fit it.
"""

from typing import TYPE_CHECKING

from ensemble.deferred import deferred

if TYPE_CHECKING:
    from ensemble.screen.cards import model_card
    from ensemble.screen.codes import code_lines, code_rows, code_table
    from ensemble.screen.fits import claim_table, fit_table, verdicts, work_table
    from ensemble.screen.lines import echo, warn
    from ensemble.screen.progress import ProgressWatch, told, told_targets
    from ensemble.screen.status import status_lines, status_rows, status_table
    from ensemble.screen.tables import average_tables, plan_rows, plan_table, statistics_table
    from ensemble.screen.terminal import console
else:
    __getattr__ = deferred(
        __name__,
        {
            "ensemble.screen.cards": ("model_card",),
            "ensemble.screen.codes": ("code_lines", "code_rows", "code_table"),
            "ensemble.screen.fits": ("claim_table", "fit_table", "verdicts", "work_table"),
            "ensemble.screen.lines": ("echo", "warn"),
            "ensemble.screen.progress": ("ProgressWatch", "told", "told_targets"),
            "ensemble.screen.status": ("status_lines", "status_rows", "status_table"),
            "ensemble.screen.tables": ("average_tables", "plan_rows", "plan_table", "statistics_table"),
            "ensemble.screen.terminal": ("console",),
        },
    )

__all__ = [
    "ProgressWatch",
    "average_tables",
    "claim_table",
    "code_lines",
    "code_rows",
    "code_table",
    "console",
    "echo",
    "fit_table",
    "model_card",
    "plan_rows",
    "plan_table",
    "statistics_table",
    "status_lines",
    "status_rows",
    "status_table",
    "told",
    "told_targets",
    "verdicts",
    "warn",
    "work_table",
]
