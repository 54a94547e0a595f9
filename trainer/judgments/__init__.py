"""Asking the judge and keeping its answers: schedule, store, journal, cost."""
