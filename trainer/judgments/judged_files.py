"""What ``ppaint judge`` calls the files of its output folder; it imports nothing, so that they are known at once."""

from __future__ import annotations

JUDGING, COST, STORE, FEATURES = "judging.json", "cost.json", "judgments", "features"
