"""One hash over all that answers depend on."""

from __future__ import annotations

import hashlib
import json


def fingerprint(**parts: str) -> str:
    """One hash over named parts (revision, processor settings, prompts), in hexadecimal.

    Examples
    --------
    >>> fingerprint(revision="a", prompts="b") == fingerprint(prompts="b", revision="a")
    True
    """
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
