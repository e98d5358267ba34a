"""Faults: why the agent ended, for those who look at the board later."""

import io
import sys


def note(error):
    """Write a fault to fault.txt, if it is not there already: a board may start again for days."""
    text = io.StringIO()
    sys.print_exception(error, text)
    try:
        with open("fault.txt") as file:
            if file.read() == text.getvalue():
                return
    except OSError:
        pass  # it is the first one
    with open("fault.txt", "w") as file:
        file.write(text.getvalue())
