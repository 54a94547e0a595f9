"""The colours of the page's plots: paper, ink, and what stands out."""

from __future__ import annotations

PAPER, INK, FAINT, SEAL = "#fbf8f1", "#2b2a28", "#cfc8ba", "#b3261e"
