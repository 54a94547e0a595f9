"""A file's hash is kept only for as long as the file is what it was."""

import hashlib
import os
import time

from ppaint.foundation import file_hash
from ppaint.foundation.file_hash import file_sha256


def test_a_change_within_one_tick_of_the_disks_clock_is_seen(tmp_path):
    path = tmp_path / "weights"
    for turn in range(200):
        content = b"%4d" % turn
        path.write_bytes(content)
        assert file_sha256(path) == hashlib.sha256(content).hexdigest()


def test_an_older_file_is_read_once_and_again_when_it_was_replaced(tmp_path, monkeypatch):
    path = tmp_path / "weights"
    path.write_bytes(b"first")
    monkeypatch.setattr(file_hash, "_JUST_NOW", 0)
    file_hash._sha256.cache_clear()
    assert file_sha256(path) == file_sha256(path)
    assert file_hash._sha256.cache_info().hits == 1
    time.sleep(0.02)
    (tmp_path / "new").write_bytes(b"other")
    os.replace(tmp_path / "new", path)
    assert file_sha256(path) == hashlib.sha256(b"other").hexdigest()
