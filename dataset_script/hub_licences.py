"""Licences that the Hub knows by a name of its own; any other is written as ``other``, with its name beside it."""

from __future__ import annotations

_SOFTWARE = (
    "apache-2.0 mit afl-3.0 artistic-2.0 bsl-1.0 bsd bsd-2-clause bsd-3-clause bsd-3-clause-clear ecl-2.0 epl-1.0 epl-2.0 etalab-2.0 "
    "eupl-1.1 eupl-1.2 agpl-3.0 gfdl gpl gpl-2.0 gpl-3.0 lgpl lgpl-2.1 lgpl-3.0 isc lppl-1.3c ms-pl mpl-2.0 osl-3.0 postgresql ofl-1.1 "
    "ncsa unlicense wtfpl zlib"
)
_CREATIVE_COMMONS = (
    "cc cc0-1.0 cc-by-2.0 cc-by-2.5 cc-by-3.0 cc-by-4.0 cc-by-sa-3.0 cc-by-sa-4.0 cc-by-nc-2.0 cc-by-nc-3.0 cc-by-nc-4.0 cc-by-nd-4.0 "
    "cc-by-nc-nd-3.0 cc-by-nc-nd-4.0 cc-by-nc-sa-2.0 cc-by-nc-sa-3.0 cc-by-nc-sa-4.0"
)
_DATA = "c-uda cdla-sharing-1.0 cdla-permissive-1.0 cdla-permissive-2.0 odc-by odbl pddl lgpl-lr open-mdw"
_MODELS = (
    "openrail openrail++ bigscience-openrail-m creativeml-openrail-m bigscience-bloom-rail-1.0 bigcode-openrail-m deepfloyd-if-license "
    "llama2 llama3 llama3.1 llama3.2 llama3.3 llama4 gemma apple-amlr apple-ascl fair-noncommercial-research-license h-research "
    "intel-research grok2-community"
)
HUB_LICENCES = frozenset(f"{_SOFTWARE} {_CREATIVE_COMMONS} {_DATA} {_MODELS} unknown".split())
"""From https://huggingface.co/docs/hub/repositories-licenses."""
