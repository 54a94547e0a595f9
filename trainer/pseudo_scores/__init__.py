"""From judgments to pseudo-scores: the reference pool, ratings against it, the judge's fitness."""
