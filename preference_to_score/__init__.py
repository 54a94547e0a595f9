"""From preferences and ratings to scores: the numerics that the ground truth and the label-free training share."""

from .agreement import kendalls_w, preference_ranks
from .bootstrap import Resamples, expert_resamples, interval_factor, resampled_errors
from .bradley_terry import BradleyTerryResult, bradley_terry
from .comparisons import Comparisons
from .elo import (
    ELO_PER_LOGIT,
    PoolCheck,
    PoolFit,
    SequentialEloResult,
    check_pool,
    fit_pool,
    outsider_prior_precision,
    rate_against_pool,
    sequential_elo,
)
from .fusion import FusedFacet, FusionReport, fuse_facet
from .joint_scale import JointScaleResult, joint_scale
from .mean_opinion_score import MeanOpinionScore, mean_opinion_score
from .pair_design import graph_diameter, locally_dense_pairs
from .rater_model import RaterModelResult, rater_model
from .ratings import Ratings
from .worths_on_scale import WorthsOnScale, worths_on_scale

__all__ = [
    "ELO_PER_LOGIT",
    "BradleyTerryResult",
    "Comparisons",
    "FusedFacet",
    "FusionReport",
    "JointScaleResult",
    "MeanOpinionScore",
    "PoolCheck",
    "PoolFit",
    "RaterModelResult",
    "Ratings",
    "Resamples",
    "SequentialEloResult",
    "WorthsOnScale",
    "bradley_terry",
    "check_pool",
    "expert_resamples",
    "fit_pool",
    "fuse_facet",
    "graph_diameter",
    "interval_factor",
    "joint_scale",
    "kendalls_w",
    "locally_dense_pairs",
    "mean_opinion_score",
    "outsider_prior_precision",
    "preference_ranks",
    "rate_against_pool",
    "rater_model",
    "resampled_errors",
    "sequential_elo",
    "worths_on_scale",
]
