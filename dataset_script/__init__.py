"""Raw annotation exports, the simulated stand-in, and the Parquet dataset made of them.

Names are imported when they are first used. The simulated stand-in is in ``ppaint.dataset_script.stand_in.simulate``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..foundation.lazy_names import lazy_names

if TYPE_CHECKING:
    from .apddv2 import Apddv2Scores, read_apddv2
    from .build import BuildReport, build_dataset
    from .facet_tables import FacetTables, facets_of
    from .raw_export import RawExport, read_raw_export
    from .release import ReleaseTables, read_release
    from .schema import AnnotationsConfig

_HOME = {
    "Apddv2Scores": "apddv2",
    "AnnotationsConfig": "schema",
    "BuildReport": "build",
    "FacetTables": "facet_tables",
    "RawExport": "raw_export",
    "build_dataset": "build",
    "facets_of": "facet_tables",
    "read_apddv2": "apddv2",
    "read_raw_export": "raw_export",
    "ReleaseTables": "release",
    "read_release": "release",
}
__all__ = [
    "AnnotationsConfig",
    "Apddv2Scores",
    "BuildReport",
    "FacetTables",
    "RawExport",
    "ReleaseTables",
    "build_dataset",
    "facets_of",
    "read_apddv2",
    "read_raw_export",
    "read_release",
]
__getattr__ = lazy_names(__name__, _HOME)
