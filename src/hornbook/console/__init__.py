"""What the user sees while Hornbook works. Showing may fail and never ends the work.

    what a command prints -> Steady streams -> terminal, pipe or file

streams   standard output and error that outlive their reader
pulse     the line that says what goes on while nothing else does
view      stages and a training run: a live picture on a terminal, plain lines elsewhere
numbers   quantities, durations and tables as text

Nothing here knows what the work is.
"""

from hornbook.console.numbers import duration, html_table, quantity, sparkline, wrapped
from hornbook.console.pulse import phase
from hornbook.console.streams import work_lasts
from hornbook.console.view import Training, View

__all__ = ["Training", "View", "duration", "html_table", "phase", "quantity", "sparkline", "work_lasts", "wrapped"]
