"""The SRCC/PLCC metric, an ``evaluate`` module that stands alone in its folder.

Its numerics are plain functions in the sibling files; they are re-exported here and need numpy and scipy only. The module
itself, ``ppaint.eval_suite.srcc_plcc.srcc_plcc``, needs ``evaluate``.
"""

from .correlation import FIGURES, STATISTICS, bias, calibration_slope, checked_values, krcc, plcc, rmse, srcc
from .grouped import GroupedRows, combined_intervals, group_rows, intervals_of_each
from .intervals import Interval, bootstrap_interval, fisher_interval, leave_out_counts, resample_counts
from .logistic_fit import LogisticFit, fit_logistic, plcc_logistic

__all__ = [
    "FIGURES",
    "STATISTICS",
    "GroupedRows",
    "Interval",
    "LogisticFit",
    "bias",
    "bootstrap_interval",
    "calibration_slope",
    "checked_values",
    "combined_intervals",
    "fisher_interval",
    "fit_logistic",
    "group_rows",
    "intervals_of_each",
    "krcc",
    "leave_out_counts",
    "plcc",
    "plcc_logistic",
    "resample_counts",
    "rmse",
    "srcc",
]
