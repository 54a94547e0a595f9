"""From preferences and ratings to scores: the numerics that the ground truth and the label-free training share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..foundation.lazy_names import lazy_names

if TYPE_CHECKING:
    from .design.design_proposal import DesignProposal, propose_design
    from .design.design_quality import (
        DesignQuality,
        algebraic_connectivity,
        assess_design,
        assumed_worths,
        expected_error,
        expected_errors,
        rank_scores,
    )
    from .design.pair_design import graph_diameter, locally_dense_pairs
    from .design.reference_designs import random_pairs, ring_pairs
    from .elo.elo import (
        POOL_PRIOR_PRECISION,
        NewcomerRatings,
        PoolFit,
        fit_pool,
        outsider_prior_precision,
        rate_against_pool,
        rate_newcomers,
    )
    from .elo.elo_scale import ELO_PER_LOGIT
    from .elo.pool_check import PoolCheck, check_pool, check_pools
    from .elo.sequential_elo import SequentialEloResult, sequential_elo
    from .fusion.convergence import Convergence, refitted_convergence, split_half_convergence
    from .fusion.fusion import FusedFacet, fuse_facet
    from .fusion.fusion_report import FusionReport
    from .fusion.joint_scale import JointScaleResult, joint_scale
    from .fusion.worths_on_scale import WorthsOnScale, worths_on_scale
    from .pairwise.bradley_terry import BradleyTerryResult, bradley_terry
    from .pairwise.comparisons import Comparisons
    from .pairwise.rater_reliability import RaterReliabilityResult, rater_reliability_bradley_terry
    from .pairwise.thurstone import ThurstoneResult, thurstone
    from .panel.agreement import PriorSensitivity, kendalls_w, preference_ranks, w_against_prior
    from .panel.bootstrap import Resamples, expert_resamples, interval_factor, resampled_errors
    from .panel.expert_checks import ExpertFlag, expert_checks
    from .panel.expert_profiles import ExpertProfiles, expert_profiles
    from .panel.intraclass_correlation import IntraclassCorrelation, intraclass_correlation
    from .panel.item_jackknife import Estimates
    from .panel.krippendorff_alpha import krippendorffs_alpha
    from .panel.pair_agreement import PairAgreement, kendalls_u
    from .panel.panel_lines import (
        SingleExpert,
        ceiling_of_preferences,
        ceiling_of_ratings,
        ceiling_of_scores,
        noise_ceiling,
        single_expert_lines,
    )
    from .panel.reliability_against_cost import CostCurve, ReliabilityAgainstCost, reliability_against_cost
    from .panel.retest import RetestPreferences, RetestRatings, retest_preferences, retest_ratings
    from .panel.split_half import SplitHalf, horst_step_up, split_half_preferences, split_half_ratings
    from .panel.transitivity import TransitivityViolations, transitivity_violations
    from .panel.variance_components import VarianceComponents, variance_components
    from .ratings.mean_opinion_score import MeanOpinionScore, mean_opinion_score
    from .ratings.rater_model import RaterModelResult, rater_model
    from .ratings.rating_normalisation import bias_removed, z_scored
    from .ratings.ratings import Ratings
    from .ratings.subject_rejection import SubjectRejection, reject_subjects

# public name -> its file
_HOME = {
    "BradleyTerryResult": "pairwise.bradley_terry",
    "Comparisons": "pairwise.comparisons",
    "Convergence": "fusion.convergence",
    "CostCurve": "panel.reliability_against_cost",
    "DesignProposal": "design.design_proposal",
    "DesignQuality": "design.design_quality",
    "ELO_PER_LOGIT": "elo.elo_scale",
    "Estimates": "panel.item_jackknife",
    "ExpertFlag": "panel.expert_checks",
    "ExpertProfiles": "panel.expert_profiles",
    "FusedFacet": "fusion.fusion",
    "FusionReport": "fusion.fusion_report",
    "IntraclassCorrelation": "panel.intraclass_correlation",
    "JointScaleResult": "fusion.joint_scale",
    "MeanOpinionScore": "ratings.mean_opinion_score",
    "NewcomerRatings": "elo.elo",
    "POOL_PRIOR_PRECISION": "elo.elo",
    "PairAgreement": "panel.pair_agreement",
    "PoolCheck": "elo.pool_check",
    "PoolFit": "elo.elo",
    "PriorSensitivity": "panel.agreement",
    "RaterModelResult": "ratings.rater_model",
    "RaterReliabilityResult": "pairwise.rater_reliability",
    "Ratings": "ratings.ratings",
    "ReliabilityAgainstCost": "panel.reliability_against_cost",
    "Resamples": "panel.bootstrap",
    "RetestPreferences": "panel.retest",
    "RetestRatings": "panel.retest",
    "SequentialEloResult": "elo.sequential_elo",
    "SingleExpert": "panel.panel_lines",
    "SplitHalf": "panel.split_half",
    "SubjectRejection": "ratings.subject_rejection",
    "ThurstoneResult": "pairwise.thurstone",
    "TransitivityViolations": "panel.transitivity",
    "VarianceComponents": "panel.variance_components",
    "WorthsOnScale": "fusion.worths_on_scale",
    "algebraic_connectivity": "design.design_quality",
    "assess_design": "design.design_quality",
    "assumed_worths": "design.design_quality",
    "bias_removed": "ratings.rating_normalisation",
    "bradley_terry": "pairwise.bradley_terry",
    "ceiling_of_preferences": "panel.panel_lines",
    "ceiling_of_ratings": "panel.panel_lines",
    "ceiling_of_scores": "panel.panel_lines",
    "check_pool": "elo.pool_check",
    "check_pools": "elo.pool_check",
    "expected_error": "design.design_quality",
    "expected_errors": "design.design_quality",
    "expert_checks": "panel.expert_checks",
    "expert_profiles": "panel.expert_profiles",
    "expert_resamples": "panel.bootstrap",
    "fit_pool": "elo.elo",
    "fuse_facet": "fusion.fusion",
    "graph_diameter": "design.pair_design",
    "horst_step_up": "panel.split_half",
    "interval_factor": "panel.bootstrap",
    "intraclass_correlation": "panel.intraclass_correlation",
    "joint_scale": "fusion.joint_scale",
    "kendalls_u": "panel.pair_agreement",
    "kendalls_w": "panel.agreement",
    "krippendorffs_alpha": "panel.krippendorff_alpha",
    "locally_dense_pairs": "design.pair_design",
    "mean_opinion_score": "ratings.mean_opinion_score",
    "noise_ceiling": "panel.panel_lines",
    "outsider_prior_precision": "elo.elo",
    "preference_ranks": "panel.agreement",
    "propose_design": "design.design_proposal",
    "random_pairs": "design.reference_designs",
    "rank_scores": "design.design_quality",
    "rate_against_pool": "elo.elo",
    "rate_newcomers": "elo.elo",
    "rater_model": "ratings.rater_model",
    "rater_reliability_bradley_terry": "pairwise.rater_reliability",
    "refitted_convergence": "fusion.convergence",
    "reject_subjects": "ratings.subject_rejection",
    "reliability_against_cost": "panel.reliability_against_cost",
    "resampled_errors": "panel.bootstrap",
    "retest_preferences": "panel.retest",
    "retest_ratings": "panel.retest",
    "ring_pairs": "design.reference_designs",
    "sequential_elo": "elo.sequential_elo",
    "single_expert_lines": "panel.panel_lines",
    "split_half_convergence": "fusion.convergence",
    "split_half_preferences": "panel.split_half",
    "split_half_ratings": "panel.split_half",
    "thurstone": "pairwise.thurstone",
    "transitivity_violations": "panel.transitivity",
    "variance_components": "panel.variance_components",
    "w_against_prior": "panel.agreement",
    "worths_on_scale": "fusion.worths_on_scale",
    "z_scored": "ratings.rating_normalisation",
}
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
    "POOL_PRIOR_PRECISION",
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
    "assumed_worths",
    "bias_removed",
    "bradley_terry",
    "ceiling_of_preferences",
    "ceiling_of_ratings",
    "check_pool",
    "check_pools",
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
    "ceiling_of_scores",
    "noise_ceiling",
    "outsider_prior_precision",
    "preference_ranks",
    "propose_design",
    "random_pairs",
    "rank_scores",
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

__getattr__ = lazy_names(__name__, _HOME)
