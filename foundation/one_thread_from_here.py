"""Importing this is the first thing that a worker server does: what it imports then, numpy above all, uses one thread, and so do its workers."""

from .single_thread import use_one_thread

use_one_thread()
