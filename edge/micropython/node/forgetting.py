"""Forgetting: the memory of code that has done its work, or is rarely at work."""

import gc
import sys

from micropython import const

_SPARE = const(3584)
_spare = bytearray(_SPARE)  # a piece of memory that is whole when a module is recalled, however late that is


def forget(module):
    """Let the memory of a module of this package be collected; it is imported anew when it is needed."""
    sys.modules.pop("node." + module, None)
    package = sys.modules["node"]
    if hasattr(package, module):
        delattr(package, module)
    gc.collect()


def keep_spare():
    """Keep a piece of memory whole, if there is one and none is kept."""
    global _spare
    if _spare is None:
        try:
            _spare = bytearray(_SPARE)
        except MemoryError:
            pass  # perhaps there is the next time


class Recalled:
    """A module of this package from `with` to its end; then it is forgotten, with what it alone needs."""

    def __init__(self, name):
        self._name = name

    def __enter__(self):
        global _spare
        _spare = None
        gc.collect()
        return __import__("node." + self._name, None, None, (self._name,))

    def __exit__(self, *_):
        forget(self._name)
        forget("era_notes")
        forget("checks")
        keep_spare()
