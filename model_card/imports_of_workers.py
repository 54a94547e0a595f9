"""What processes that open images import: known without importing it, so that their server can start first."""

from __future__ import annotations

IMPORTS_OF_WORKERS = (
    "ppaint.model_card.image_stream",
)  # torch, but neither torchvision nor transformers: 0.15 GB less
FEW = 8  # images for which starting workers takes longer than it saves
LITTLE = 100_000_000  # pixels of all images for which it does, too: two seconds' work
SMALL = (
    300_000  # pixels of an image: opening fewer takes under 10 ms, less than the tiny judge's pass over them on a CPU
)
LITTLE_OF_FILES, SMALL_FILE = 10_000_000, 500_000  # bytes, of all files and of one, where pixels are not known yet
