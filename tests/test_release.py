"""The one reader of a built release: facts and tables in one object, images as bytes and a few at a time."""

import json
import pickle

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

import ppaint.dataset_script
import ppaint.eval_suite
from ppaint.dataset_script import read_release
from ppaint.dataset_script.release import read_stored_image
from ppaint.dataset_script.stored_image import StoredImage
from ppaint.foundation.faults import InputFault

FACTS = {
    "name": "drawn-simulated",
    "simulated": True,
    "categories": ["landscape", "figure"],
    "dimensions": ["overall"],
    "headline": "overall",
    "rating_scale": [1, 10],
}


def write_paintings(folder, category, images):
    (folder / "paintings").mkdir(parents=True, exist_ok=True)
    cells = [None if image is None else {"bytes": image, "path": "x.png"} for image in images]
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    ids = [f"{category}_{place}" for place in range(len(images))]
    table = pa.table({"painting_id": ids, "image": pa.array(cells, type=kind)})
    pq.write_table(table, folder / "paintings" / f"{category}-00000-of-00001.parquet", compression="NONE")


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "ppaint_release.json").write_text(json.dumps(FACTS), encoding="utf-8")
    write_paintings(tmp_path, "landscape", [b"first", None, b"third"])
    write_paintings(tmp_path, "figure", [b"fourth"])
    return tmp_path


def test_both_rooms_give_the_same_reader():
    assert ppaint.eval_suite.read_release is ppaint.dataset_script.read_release
    assert ppaint.eval_suite.ReleaseTables is ppaint.dataset_script.ReleaseTables


def test_a_release_is_the_dict_of_its_file_and_has_its_facts_as_attributes(folder):
    release = read_release(folder)
    assert release == FACTS and json.loads(json.dumps(release)) == FACTS
    assert (release.name, release.simulated, release.headline) == ("drawn-simulated", True, "overall")
    assert (release.categories, release.dimensions, release.scale) == (("landscape", "figure"), ("overall",), (1, 10))


def test_images_come_as_they_are_stored_a_few_rows_at_a_time(folder):
    release = read_release(folder)
    batches = list(release.paintings(at_a_time=2))
    assert [[painting.image for painting in batch] for batch in batches] == [[b"first", None], [b"third"], [b"fourth"]]
    assert [painting.painting_id for batch in batches for painting in batch][-2:] == ["landscape_2", "figure_0"]
    assert release.painting_count() == 4
    [[last]] = release.paintings(["figure"])
    assert (last.category, release.painting_count(["figure"])) == ("figure", 1)


def test_memory_does_not_grow_with_the_number_of_images(folder):
    image = np.random.default_rng(0).bytes(2**18)
    held = {}
    for count in (16, 400):
        write_paintings(folder, "figure", [image] * count)  # in one row group
        before, peak = pa.total_allocated_bytes(), 0
        for batch in read_release(folder).paintings(["figure"], at_a_time=8):
            peak = max(peak, pa.total_allocated_bytes() - before)
            assert batch[0].image == image
        held[count] = peak
    assert held[400] < 2 * held[16] < 400 * len(image) / 4


def test_one_painting_is_read_alone_whichever_group_of_rows_it_lies_in(folder):
    path = folder / "paintings" / "landscape-00000-of-00001.parquet"
    pq.write_table(pq.read_table(path), path, row_group_size=2)
    release = read_release(folder)
    images = [release.stored_painting(f"landscape_{place}", "landscape").image for place in range(3)]
    assert images == [b"first", None, b"third"]
    with pytest.raises(InputFault, match="'figure' has no painting 'landscape_0'"):
        release.stored_painting("landscape_0", "figure")
    path.write_bytes(b"no table")
    with pytest.raises(InputFault, match="not a readable Parquet file"):
        release.stored_painting("landscape_0", "landscape")


def test_what_is_known_of_the_paintings_comes_without_their_images(folder):
    facts = read_release(folder).painting_facts
    assert list(facts.columns) == ["painting_id", "category"]
    assert list(facts["category"]) == ["landscape"] * 3 + ["figure"]


def test_a_dataset_without_fused_scores_is_read_until_they_are_asked_for(folder):
    release = read_release(folder)
    with pytest.raises(InputFault, match="no fused scores to evaluate against"):
        release.references()
    assert release.scores_from is None
    with pytest.raises(InputFault, match="no scores of one protocol alone"):
        _ = release.scores


def test_a_file_that_is_no_parquet_and_a_missing_split_are_one_fault_each(folder):
    (folder / "paintings" / "figure-00000-of-00001.parquet").write_bytes(b"PAR1 cut off")
    with pytest.raises(InputFault, match=r"figure-00000-of-00001\.parquet: is not a readable Parquet file"):
        list(read_release(folder).paintings())
    with pytest.raises(InputFault, match="no Parquet file of the split 'flower' in paintings/"):
        read_release(folder).painting_count(["flower"])


@pytest.mark.parametrize(
    "text, fault", [(None, "cannot be read"), ("{", "is not JSON"), ('{"name": "x"}', "simulated: the key is missing")]
)
def test_a_folder_that_is_no_release_is_refused(folder, text, fault):
    path = folder / "ppaint_release.json"
    path.write_text(text, encoding="utf-8") if text else path.unlink()
    with pytest.raises(InputFault, match=fault):
        read_release(folder)


def test_an_image_is_read_by_its_row_in_the_table_of_its_category(folder):
    big = [bytes([place]) * (place + 1) for place in range(7)]
    kind = pa.struct({"bytes": pa.binary(), "path": pa.string()})
    for part, images in ((0, big[:5]), (1, big[5:])):
        cells = pa.array([{"bytes": image, "path": None} for image in images], type=kind)
        table = pa.table({"painting_id": [str(k) for k in range(len(images))], "image": cells})
        file = folder / "paintings" / f"figure-0000{part}-of-00002.parquet"
        pq.write_table(table, file, row_group_size=2)
    (folder / "paintings" / "figure-00000-of-00001.parquet").unlink()
    assert [read_stored_image(folder, "figure", row) for row in range(7)] == big
    stored = pickle.loads(pickle.dumps(StoredImage(str(folder), "figure", 6)))  # it goes to processes that open images
    assert stored() == big[6]
    for category, row in (("figure", 7), ("landscape", 1)):
        with pytest.raises(InputFault, match=f"an image of the category '{category}' is gone.*start it again"):
            read_stored_image(folder, category, row)
    (folder / "paintings" / "landscape-00000-of-00001.parquet").write_bytes(b"torn")
    with pytest.raises(InputFault, match="is not a readable Parquet file"):
        read_stored_image(folder, "landscape", 0)
