"""From preferences and ratings to scores: the numerics that the ground truth and the label-free training share."""

from .agreement import PriorSensitivity, kendalls_w, preference_ranks, w_against_prior
from .bootstrap import Resamples, expert_resamples, interval_factor, resampled_errors
from .bradley_terry import BradleyTerryResult, bradley_terry
from .comparisons import Comparisons
from .convergence import Convergence, refitted_convergence, split_half_convergence
from .design_proposal import DesignProposal, propose_design
from .design_quality import DesignQuality, algebraic_connectivity, assess_design, expected_error, expected_errors
from .elo import (
    ELO_PER_LOGIT,
    NewcomerRatings,
    PoolCheck,
    PoolFit,
    SequentialEloResult,
    check_pool,
    fit_pool,
    outsider_prior_precision,
    rate_against_pool,
    rate_newcomers,
    sequential_elo,
)
from .expert_checks import ExpertFlag, expert_checks
from .expert_profiles import ExpertProfiles, expert_profiles
from .fusion import FusedFacet, fuse_facet
from .fusion_report import FusionReport
from .intraclass_correlation import IntraclassCorrelation, intraclass_correlation
from .item_jackknife import Estimates
from .joint_scale import JointScaleResult, joint_scale
from .krippendorff_alpha import krippendorffs_alpha
from .mean_opinion_score import MeanOpinionScore, mean_opinion_score
from .pair_agreement import PairAgreement, kendalls_u
from .pair_design import graph_diameter, locally_dense_pairs
from .panel_lines import SingleExpert, ceiling_of_preferences, ceiling_of_ratings, noise_ceiling, single_expert_lines
from .rater_model import RaterModelResult, rater_model
from .rater_reliability import RaterReliabilityResult, rater_reliability_bradley_terry
from .rating_normalisation import bias_removed, z_scored
from .ratings import Ratings
from .reference_designs import random_pairs, ring_pairs
from .reliability_against_cost import CostCurve, ReliabilityAgainstCost, reliability_against_cost
from .retest import RetestPreferences, RetestRatings, retest_preferences, retest_ratings
from .split_half import SplitHalf, horst_step_up, split_half_preferences, split_half_ratings
from .subject_rejection import SubjectRejection, reject_subjects
from .thurstone import ThurstoneResult, thurstone
from .transitivity import TransitivityViolations, transitivity_violations
from .variance_components import VarianceComponents, variance_components
from .worths_on_scale import WorthsOnScale, worths_on_scale

__all__ = [
    "BradleyTerryResult",
    "Comparisons",
    "Convergence",
    "CostCurve",
    "DesignProposal",
    "DesignQuality",
    "ELO_PER_LOGIT",
    "Estimates",
    "ExpertFlag",
    "ExpertProfiles",
    "FusedFacet",
    "FusionReport",
    "IntraclassCorrelation",
    "JointScaleResult",
    "MeanOpinionScore",
    "NewcomerRatings",
    "PairAgreement",
    "PoolCheck",
    "PoolFit",
    "PriorSensitivity",
    "RaterModelResult",
    "RaterReliabilityResult",
    "Ratings",
    "ReliabilityAgainstCost",
    "Resamples",
    "RetestPreferences",
    "RetestRatings",
    "SequentialEloResult",
    "SingleExpert",
    "SplitHalf",
    "SubjectRejection",
    "ThurstoneResult",
    "TransitivityViolations",
    "VarianceComponents",
    "WorthsOnScale",
    "algebraic_connectivity",
    "assess_design",
    "bias_removed",
    "bradley_terry",
    "ceiling_of_preferences",
    "ceiling_of_ratings",
    "check_pool",
    "expected_error",
    "expected_errors",
    "expert_checks",
    "expert_profiles",
    "expert_resamples",
    "fit_pool",
    "fuse_facet",
    "graph_diameter",
    "horst_step_up",
    "interval_factor",
    "intraclass_correlation",
    "joint_scale",
    "kendalls_u",
    "kendalls_w",
    "krippendorffs_alpha",
    "locally_dense_pairs",
    "mean_opinion_score",
    "noise_ceiling",
    "outsider_prior_precision",
    "preference_ranks",
    "propose_design",
    "random_pairs",
    "rate_against_pool",
    "rate_newcomers",
    "rater_model",
    "rater_reliability_bradley_terry",
    "refitted_convergence",
    "reject_subjects",
    "reliability_against_cost",
    "resampled_errors",
    "retest_preferences",
    "retest_ratings",
    "ring_pairs",
    "sequential_elo",
    "single_expert_lines",
    "split_half_convergence",
    "split_half_preferences",
    "split_half_ratings",
    "thurstone",
    "transitivity_violations",
    "variance_components",
    "w_against_prior",
    "worths_on_scale",
    "z_scored",
]
