"""Which pairs to compare: designs, and how good they are."""
