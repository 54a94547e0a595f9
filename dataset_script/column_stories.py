"""How every column of the dataset came about, for the card."""

from __future__ import annotations

STORIES = {
    "painting_id": "The painting's id in the raw export.",
    "category": "The category, and the split. A painting of several categories has a row in each.",
    "image": "The painting, as bytes; null where the export names no file.",
    "sha256": "Hash of the decoded RGB pixels (`RGB <width> <height>`, a newline, the pixels), not of the file.",
    "width": "Pixels, after an EXIF rotation.",
    "height": "Pixels, after an EXIF rotation.",
    "title": "As given in the export.",
    "artist": "As given in the export.",
    "period": "As given in the export.",
    "source": "As given in the export.",
    "licence": "Of the image, as given in the export.",
    "notes": "What was done to the image on opening; null where nothing was.",
    "expert_id": "Who judged.",
    "dimension": "What was judged.",
    "rating": "The rating, as given.",
    "painting_a": "One side of the comparison.",
    "painting_b": "The other side.",
    "choice": "The side that was preferred: `a`, `b`, or `tie`.",
    "<dimension>": (
        "[paper] a ground truth fused from two independent preference-to-score methods; [ours] the mean of A and B, on the "
        "rating scale, not bounded by it."
    ),
    "<dimension>_se": (
        "[ours] Standard error with respect to the population of experts from which the panel was drawn, from all "
        "resamples of the panel's experts. Intervals use Student's t with (experts - 1) degrees of freedom."
    ),
    "<dimension>_se_panel": (
        "[ours] Standard error for this panel as it is: how far the same experts, with the same tastes and the same use of "
        "the scale, would differ if they judged again."
    ),
    "<dimension>_a": (
        "[ours] Construction A, likelihood first: Bradley-Terry worths of the preferences (Davidson's ties, Gaussian prior), "
        "mapped onto the rating scale by matching mean and error-free spread of the mean opinion scores."
    ),
    "<dimension>_a_se": "[ours] Standard error of A with respect to the population of experts, from the same resamples.",
    "<dimension>_b": (
        "[ours] Construction B, joint: one latent score an expert and painting behind both protocols (Thurstone for "
        "preferences, ordinal probit for ratings); the expected rating over the expert population."
    ),
    "<dimension>_b_se": "[ours] Standard error of B with respect to the population of experts, from the same resamples.",
}
# Of the config `scores`: the protocol that the release has -> suffix of a dimension's column -> its story
SCORE_STORIES = {
    "pairs": {
        "": (
            "Bradley-Terry log-worth of the comparisons (natural logarithm; Davidson's ties, Gaussian prior of precision 0.1 "
            "[ours]), mean 0 over the category, or over each part of it that comparisons link. Not on the rating scale; null "
            "where it was never compared."
        ),
        "_se": (
            "Standard error with respect to the population of experts (sandwich, clustered by expert); null where only one "
            "expert compared."
        ),
        "_part": (
            "The part of the comparison graph in which the painting lies, from 1: no comparison links one part to another, so "
            "scores can be compared within a part only."
        ),
    },
    "ratings": {
        "": "Mean opinion score: the mean of all ratings, repeats counted; null where it was never rated.",
        "_se": (
            "Standard error with respect to the population of experts, once each expert's own mean level is taken out; null "
            "where only one expert rated."
        ),
        "_bias_removed": (
            "The mean of the ratings once each expert's bias is removed (ITU-T P.913): the mean distance of the expert's "
            "ratings from the mean ratings of the same paintings. It differs from the mean opinion score only where some "
            "experts did not rate every painting."
        ),
        "_bias_removed_se": "Its standard error, likewise.",
    },
}
