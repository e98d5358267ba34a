"""Runs first: memory is collected before it is short."""

import gc

gc.collect()
gc.threshold(gc.mem_free() // 4 + gc.mem_alloc())
