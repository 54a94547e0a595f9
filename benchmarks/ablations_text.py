"""What docs/ablations.md says about its tables: written by hand after they were read, the figures put in by the page."""

HEAD = """# Ablations, and which objective to use when

**Everything on this page is simulated**: painted scrolls, simulated experts, a tiny judge whose rating was taught a superficial cue on
purpose. It compares ways of distilling this judge with one another. It is not a result about paintings, nor about Qwen3-VL-8B, and
none of these figures is the paper's.

SRCC against the fused scores, mean over five dimensions and three categories, then over three seeds (the training category in
turn). Before distillation: {before}. Intervals are 95 %, paired, over paintings (drawn again within seed and category): they
show how certain a difference is on *these* three trainings, not how trainings vary; for that, the three seeds are shown next to it.
Each arm was tried with three settings (rate 5e-4 or 1e-3 with a KL weight of 0.02, and 1e-3 with 0.005; 60 steps each), and the
rule that stops a training also chose one of them, by the lowest log-loss of held-out judgments, never by a human score. The rule checks
every tenth step. Where one thing is changed, it is changed in the last setting.

## Which to use when

- **`fidelity` is the default.** It is the paper's ranking reward, confidence included, taken on the means and differentiated through both
  images of a pair. At the kept steps its mean SRCC less that of `policy`, the paper's family, is {fidelity_as_is}; {fidelity_few} with few
  judgments, and {fidelity_noisy} with a noisy judge. No interval on this page is corrected for the number of
  comparisons. **Most of that is the stopping rule's choice** (next table): after the last step the difference is {fidelity_last}.
- **`soft_labels`** less `fidelity`: {soft_as_is} where the judge agrees with itself, {soft_few} with few judgments, {soft_noisy} with a noisy judge. It
  learns each pseudo-score separately, so a noisy one is learnt as it is.
- **`judgments`** needs no pool and does as well as `fidelity`, to within {judgments_within}; the pool gives what `judgments` does not: scores on a
  scale on which other images can be rated, errors, and a check.
- **`policy`** is what the sampled trainer estimates: use it where answers are free text, or to follow the paper
  exactly. The stopping rule is unfavourable to it (below).
- Twelve opponents are more than this judge needs: K = 4 does as well for every objective. A judge that is less sure of itself will need more;
  the reliability in the fitness report says so.

{last}

{edges}

## Why `policy` is behind, and what a better pool does

**It is the loss, not the pool.** Given the differences of the pseudo-scores in place of the judgments, the Bradley-Terry loss does as well as
on the judgments themselves, in all three regimes ("loss or data" below): nothing important is lost through the pool. And
`fidelity`, which learns from the same pool, pseudo-scores and confidences as `policy`, closes the gap too.

What differs is what `policy` does to an answer. Its reward is linear in the probabilities of the ten scores, so every step moves probability to
the best single score of each image: the standard deviation of an answer falls from {sd_before} score tokens to {sd_after} in sixty steps, while under the
other losses, which act on the mean, it hardly changes. The means move close to whole scores, and the log-loss of held-out judgments, which takes
*differences* of means as log-odds, increases after some fifteen steps. There the rule stops.

**So most of the gap is due to the rule.** The order that `policy` learns continues to improve after the stop: without stopping, its SRCC after sixty steps is
{policy_last} against {others_last} for the others (the figure and its table; looked at for this page only). A rule that uses order alone would favour
it more; ours uses the same measure for all objectives, and favours none of them in advance.

**A better pool helps where the judge is noisy**, whatever the loss. With every image's own noise estimated from its residuals, and pool and
outsiders fitted together with comparisons weighted by it ("weighted"; `benchmarks/item_noise.py`), reliability rises from {reliability_noisy} to
{reliability_weighted}, and the Bradley-Terry loss on these pseudo-scores is ahead of the one on the judgments themselves. Doubling the opponents without weights
did not help `policy`, and shrinking pseudo-scores towards their mean by their reliability harmed it. The weighted fit is a
benchmark so far, not an option of `ppaint pseudo-label`.

![sharpness of an answer, held-out log-loss and SRCC against optimiser steps](figures/sharpening.png)

{curves}
"""

TEXT = {
    "one thing changed, `policy`": "Sequential Elo: k = 16, mean of 20 random orders. One order: each pair asked once, in an order that is drawn.",
    "confidence, noisy judge": "Where all pseudo-scores are alike in reliability, confidence is all but constant and changes nothing (above); here it should "
    "matter.",
    "loss or data": "The Bradley-Terry loss with the differences of pseudo-scores in place of judgments, for all pairs of training images.",
    "seeds that nothing was chosen on": "The default objective and its setting were chosen on seeds 0 to 2, on whose paintings the tables "
    "above are. Seeds 3 and 4 were looked at afterwards, in that one setting (rate 1e-3, KL weight 0.005).",
    "reliability": "Reliability is the share of the pseudo-scores' variance that is not error (by their own standard errors). It says how "
    "far a pool agrees with itself, not how near it is to the truth.",
    "objectives, the judge as it is": "",
    "objectives, noisy on a third of the images": "Wherever a noisy image is shown, the judge votes almost at random: for the first "
    "image with probability sigmoid(0.15 x its log-odds), given as 95 to 5.",
    "objectives, few judgments (K = 4)": "Every image outside the pool meets four members of it in place of twelve.",
}
