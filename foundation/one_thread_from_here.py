"""Importing this is the first thing that a worker server does: what it imports then, numpy above all, uses one thread, and so do its workers.

Until it has imported all (``frozen_heap``), Ctrl-C is left to the process that asked for it.
"""

import signal

from .single_thread import use_one_thread

use_one_thread()
signal.signal(signal.SIGINT, signal.SIG_IGN)
