"""Forgetting: the memory of code that has done its work."""

import gc
import sys


def forget(module):
    """Let the memory of a module of this package be collected; it is imported anew when it is needed."""
    sys.modules.pop("node." + module, None)
    package = sys.modules["node"]
    if hasattr(package, module):
        delattr(package, module)
    gc.collect()
