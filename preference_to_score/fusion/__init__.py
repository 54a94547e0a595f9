"""Preferences and ratings of one facet fused into one score with a standard error: constructions A and B."""
