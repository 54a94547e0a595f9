"""JSON that cannot be read is one fault wherever a run, a scorer, a judge or a dataset is described by it."""

from __future__ import annotations

import pytest

from ppaint.cli.pseudo_label import pseudo_label
from ppaint.dataset_script.release import RELEASE_FILE, read_release
from ppaint.foundation.faults import InputFault
from ppaint.foundation.run_folder import RUN_FILE, check_run_folder
from ppaint.model_card.scorer_config import FILE_NAME, ScorerConfig
from ppaint.trainer.cost.model_shapes import read_shapes
from ppaint.trainer.judgments.judgment_store import JudgmentStore
from ppaint.trainer.pseudo_scores.pseudo_labels import PseudoScores

READERS = {
    FILE_NAME: ScorerConfig.load,
    RELEASE_FILE: read_release,
    RUN_FILE: lambda folder: check_run_folder(folder),
    "config.json": lambda folder: read_shapes(str(folder), ["overall"]),
    "judging.json": lambda folder: pseudo_label(folder, folder / "out", 0.5),
    "store.json": JudgmentStore.open_finished,
    "pseudo_scores.json": PseudoScores.load,
}


@pytest.mark.parametrize("content", [b"[" * 200_000, b'{"a": ', b"\xff\xfe{", b"9" * 5000])
@pytest.mark.parametrize("file", READERS)
def test_a_file_that_is_no_json_is_one_fault(file, content, tmp_path):
    (tmp_path / file).write_bytes(content)
    for table in ("pseudo_scores", "judged_pairs"):
        (tmp_path / f"{table}.parquet").write_bytes(b"")
    with pytest.raises(InputFault) as caught:
        READERS[file](tmp_path)
    (fault,) = caught.value.faults
    assert file in f"{fault.file} {fault.row}" and fault.fix


def test_a_table_beside_it_that_is_broken_is_one_fault(tmp_path):
    (tmp_path / "pseudo_scores.json").write_text('{"dimensions": []}', encoding="utf-8")
    for table in ("pseudo_scores", "judged_pairs"):
        (tmp_path / f"{table}.parquet").write_bytes(b"PAR1")
    with pytest.raises(InputFault, match=r"pseudo_scores\.parquet"):
        PseudoScores.load(tmp_path)
