"""What the agent tells the one who looks at its console."""

import sys
import time


def tell(sentence):
    """Write a sentence, after the seconds since start."""
    seconds, ms = divmod(time.ticks_ms(), 1000)
    sys.stdout.write("%d.%03d %s\n" % (seconds, ms, sentence))
