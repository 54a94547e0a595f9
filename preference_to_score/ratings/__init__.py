"""Ratings in, scores out: mean opinion scores, normalisation, subject rejection, rater models."""
