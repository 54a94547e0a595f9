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
