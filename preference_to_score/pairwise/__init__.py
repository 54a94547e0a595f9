"""Comparisons in, worths out: Bradley-Terry, Thurstone, rater reliability, and what they need to be identified."""
