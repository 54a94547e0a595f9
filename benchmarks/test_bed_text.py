"""The words of docs/test-bed.md; figures are put in by test_bed_page.py."""

CLAIMS = """On the shipped judge and the second make of the ladder, seeds 100 to 119, of which nothing was looked at before; 3 x 300 evaluated scrolls, the kept
weights scored once; a draw of the votes for each stand-in. Recipes, stopping rules, [the list of regimes](../benchmarks/results/test_bed_claimed.json), the number of stand-ins and what
a claim asks for were settled before (`benchmarks/test_bed_claims.py`, the code of commits {commits}; [results](../benchmarks/results/test_bed_claims.json)).
Intervals are over stand-ins, for one judge of each kind. They were run once, with the test of the start that was [before](#which-look-is-kept) today's, which kept the start more often.

A claim holds where the recipe is at least 0.01 ahead, the lower end of the paired 95 % interval is above 0, and the one-sided p-value, corrected for all these
claims together (Holm), is below 0.05. On clean log-odds without headroom nothing is to be gained: there it holds if at most 0.003 is lost in the mean.
**{held} of {regimes} hold.** "Headroom" is that of the seeds that choose, by which the regimes were named.

![the recommended recipe less the paper's family, by regime](figures/test_bed_claims.png)

{table}"""

NOT_YET = "Not run yet."
BEING_RUN = """Being run: 20 stand-ins (seeds 100 to 119) in each of [16 regimes](../benchmarks/results/test_bed_claimed.json), which were named before. Nothing is shown
until all are done."""

BUDGET = """100 images, votes of sharpness 0.25; stand-ins that the recipe was not chosen on (seeds {seeds}; {draws} of 6 draws are done). Every judgment is counted: both
orders of each pair, the pool's, those of left-out images and the self-check's. *S* is what the family reaches with a pool of 32 and 12 opponents, less 0.005. It is given with how many judgments each first reaches S, and from how many on
all larger numbers reach it too: with few draws a step of one schedule may be chance. Trainings go on where
`ppaint judge` would stop ("stops": on all of these stand-ins). The smallest schedule, a pool of six, was added when the recipe had reached S with the
smallest of the others. (`benchmarks/test_bed_budget.py`; in brackets pool and opponents.)

![SRCC by the number of judgments](figures/test_bed_budget.png)

{table}

About as many judgments for few images with many opponents, or for many images with few (`benchmarks/test_bed.py allocation`; the recommended recipe):

{allocation}"""

TEXT = """# The test bed: where a better method can be seen

**Everything on this page is simulated**: painted scrolls whose quality is known, and tiny judges that were taught for the purpose. It
compares ways of distilling such judges. It says nothing about paintings, nor about Qwen3-VL-8B, and none of it is the paper's.

The quickstart's judge is too good to show a difference: the scorer that is distilled from its log-odds on 160 images is as good as one
that is trained on the truth. So the test bed has judges of several strengths, answers of several kinds (log-odds, or one hard answer per
order, as hosted judges give), few and many images, and answers that are wrong in a stated way. Each figure is the SRCC of a scorer with the
known truth, the mean over five dimensions and three categories, on scrolls that were not trained on.

**Settings, rules and regimes were chosen on what stands here** (seeds 0 and 1, for the weak judge also 2), but for the [claims](#claims), the
[number of judgments](#how-many-judgments-are-enough) and the test of the start ([which seed was looked at for what](../benchmarks/seeds.md)). {arms} trainings
besides the claims', by the code of commits {commits}.

## The judges

The shipped judge, and a ladder that was taught from the votes of simulated experts on some scrolls of two categories: never an honest
rating, and never a scroll of the third category. They were accepted by one figure alone, the SRCC of their own noise-free scores (log-odds
of all pairs) with the truth of scrolls that they had not seen, before any method was run on them.
(The strong judge of the second make was taught twice: with 680 steps it reached 0.828 and was refused.)
`python benchmarks/test_bed_judges.py --make 0`, and `--make 1` for the claims; [results](../benchmarks/results/test_bed_judges.json).

{judges}

Of each seed all pairs of 200 unlabelled scrolls are judged once (`benchmarks/test_bed_data.py`; of the claims' seeds those that are asked for,
`test_bed_asked.py`), so that every schedule, estimator and draw of votes is a look-up. Votes at sharpness *s* are drawn with probability sigmoid(*s* × log-odds), one for each order. Consistent noise moves
every image by a normal amount, as large as the spread of the judge's own scores, alike in all its judgments.

## Headroom

Two ceilings: the same model trained on the judge's own noise-free scores, and on the truth, the best of seven looks each. **Headroom** is the lower of the two, less what the
paper's family reaches (`policy`: the group-relative objective with its exact expectation, one training, stopped by held-out
judgments; 20 steps at a rate of 1e-3 for 50 images, 60 at 5e-4 for 160; the [recipe](what-to-use.md) `paper`). Claims are made where it is at least 0.03 (*), and `ppaint judge`
does not stop for want of a usable signal in most draws (stops).

![SRCC by judge and regime: the paper's family, the recommended recipe, and both ceilings](figures/test_bed_headroom.png)

{headroom}

"Labels" is the SRCC of the pseudo-scores with the truth. The recommended recipe is `fidelity` on scores by one fit of all judgments (`joint_fit`), equally
far apart wherever their reliability is below 0.9 (`label_spread=1.8`), in three trainings that each leave a third of the images out (`folds=3`); the weights of all looks that are
as good as the best, for all that is known, are averaged. That is three times the passes of one training at 160 images, six times at 50.

![gain against the SRCC of the labels; SRCC of the scorer against that of the labels](figures/test_bed_labels.png)

{told}

**Where nothing is to be learnt** (`benchmarks/test_bed.py controls`): judgments permuted over images, which agree with each other, or shuffled over pairs, which
contradict each other; 50 images, log-odds, seed 1. (Of the middling judge's permutation the recipe had p = 0.019, one of the two of eighty that pass for evidence
[below](#which-look-is-kept), and learnt what it says.)

{controls}

## Claims

{claims}

## How many judgments are enough

{budget}

## Settings

Both with the same settings, where headroom was to be expected; the kept SRCC, the seed in brackets (`benchmarks/test_bed.py grid`, run before the pool's fit
by expected answers, `label_spread` and averaging of looks; [results](../benchmarks/results/test_bed_older_pool.json)).

{settings}

Where images are many (`benchmarks/test_bed.py many`, seed 1, as the recipes are now): 5e-4 is the best rate of both on average, between a larger and a smaller one.

{many}

## Which look is kept

Regret: the best look of a training, less what a rule keeps. A look is made every sixth of a training; the start is one.

{rules}

"today" is the log-loss of held-out judgments, one training's rule. With folds these are the judgments of images that each training left out, and a run
averages all looks that are not worse than the best one beyond chance (one-sided paired t-test by image, p at least 0.3). The starting model is kept unless
left-out images are ordered better than by it (by scores of one fit of all judgments: those against a frozen pool lean on the model's own ratings), and pseudo-scores have to do with the images: before anything is trained a permutation test asks whether images that
look alike to the starting model (means of their visual tokens, and of its last states) have pseudo-scores that are alike, and takes p of at most 0.02 for evidence.

Of what a run keeps, mean and largest regret by judge ("policy, folds": the paper's objective with `folds=3`, `benchmarks/test_bed.py stopping`; the twin is [below](#a-judge-that-rates-better)):

{by_judge}

With folds the paper's objective is stopped about as well as the recipe, but for the weak judge: what is wrong with its scores is alike in all its judgments, so that left-out
judgments go on agreeing with a scorer that becomes as wrong as the judge. No rule that has nothing but the judge's answers can see that.

**Permuted judgments** (50 images, log-odds): on forty permutations of three stand-ins, two judges each, {permuted}
(`benchmarks/test_bed.py permuted`, `permuted-again`; two judges of one permutation are nearly one run). How often the test finds evidence where there is none, and where there
is something to be learnt, without training (`benchmarks/test_bed_evidence.py`; 200 draws in each cell, with 95 % intervals over draws):

{evidence}

The test before it, until 30 November 2026, was a t-test of how far the scores of left-out images agree with their pseudo-scores, with an allowance for what folds have in common
by chance. It kept the start in all of the 80 permuted runs; and in 14 of 44 of the recipe's trainings by the number of judgments of a middling judge (one that was taught
alike, on another machine), most of which had reached 0.5 to 0.6 where the start had 0.2.

### A judge that rates better

The shipped judge's twin rates better than it compares: its rating was not spoilt, and it compares by votes a quarter as sharp or with consistent noise. Seeds 0
and 1 in a row (`benchmarks/test_bed.py honest`):

{honest}

A test of the *difference* to the starting model (the first version of that rule) kept the start where one dimension of a middling judge had a
usable signal and 50 images were judged by votes: 0.16, where training gives 0.53. With so few noisy judgments no test of a difference has
power; the test of whether there is anything to be learnt has.
"""
