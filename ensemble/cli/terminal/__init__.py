"""Output on the terminal: lines, tables and progress bars.

lines        print lines; control characters are escaped
console      width of the terminal, and the style of tables
progress     progress bar or lines during a run
status       what a store holds
code_table   the code versions that computed a store
tables       plans and averages
fits         fits, claims, and what figures still need
model_card   the description of a model

A module is imported when one of its names is first used, so that `status` does not import the code for fits.
"""

from typing import TYPE_CHECKING

from ensemble.deferred import deferred

if TYPE_CHECKING:
    from ensemble.cli.terminal.code_versions import code_lines, code_rows, code_table
    from ensemble.cli.terminal.fits import claim_table, comparison_lines, fit_table, work_table
    from ensemble.cli.terminal.lines import echo, warn
    from ensemble.cli.terminal.models import model_card
    from ensemble.cli.terminal.progress import ProgressWatch, run_lines, target_lines
    from ensemble.cli.terminal.status import status_lines, status_rows, status_table
    from ensemble.cli.terminal.styles import console
    from ensemble.cli.terminal.tables import average_tables, plan_rows, plan_table, statistics_table
else:
    __getattr__ = deferred(
        __name__,
        {
            "ensemble.cli.terminal.models": ("model_card",),
            "ensemble.cli.terminal.code_versions": ("code_lines", "code_rows", "code_table"),
            "ensemble.cli.terminal.fits": ("claim_table", "fit_table", "comparison_lines", "work_table"),
            "ensemble.cli.terminal.lines": ("echo", "warn"),
            "ensemble.cli.terminal.progress": ("ProgressWatch", "run_lines", "target_lines"),
            "ensemble.cli.terminal.status": ("status_lines", "status_rows", "status_table"),
            "ensemble.cli.terminal.tables": ("average_tables", "plan_rows", "plan_table", "statistics_table"),
            "ensemble.cli.terminal.styles": ("console",),
        },
    )

__all__ = [
    "ProgressWatch",
    "average_tables",
    "claim_table",
    "code_lines",
    "code_rows",
    "code_table",
    "comparison_lines",
    "console",
    "echo",
    "fit_table",
    "model_card",
    "plan_rows",
    "plan_table",
    "run_lines",
    "statistics_table",
    "status_lines",
    "status_rows",
    "status_table",
    "target_lines",
    "warn",
    "work_table",
]
