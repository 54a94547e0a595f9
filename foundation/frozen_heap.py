"""Importing this is the last thing that a worker server does: what it has imported is never looked through by a collector again.

A collection writes to every object that it looks at, and what is written to is not shared with the server any more: each
worker would soon have a heap of its own (see ``gc.freeze`` in Python's documentation).
"""

from __future__ import annotations

import atexit
import gc

gc.collect()
gc.freeze()
atexit.register(gc.unfreeze)  # at its end the server takes leave of what it has imported in the usual way
