"""A built dataset as it is published: all of it and nothing else, its card with the repo's name in it, and nothing stale."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml
from conftest import SmallExport
from huggingface_hub import DatasetCard
from PIL import Image
from small_release import build_small_release
from written_content import blocks, write_content

from ppaint.dataset_script import build_dataset
from ppaint.dataset_script.dataset_card import card_configs
from ppaint.dataset_script.release import read_release
from ppaint.foundation.faults import InputFault
from ppaint.foundation.file_hash import file_sha256
from ppaint.publishing.card_schema import front_matter, front_matter_faults
from ppaint.publishing.content import Content, Links, Place
from ppaint.publishing.contents.dataset import dataset_content
from ppaint.publishing.outside_checks import check_content

NAME = "org/small-simulated"
LINKS = Links(metric=Place("org/srcc_plcc", "0" * 40), board=Place("org/board-simulated"))


@pytest.fixture(scope="module")
def built(tmp_path_factory) -> Path:
    return build_small_release(tmp_path_factory.mktemp("release"))


@pytest.fixture(scope="module")
def with_images(tmp_path_factory) -> Path:
    """Of one category, with images, and not simulated."""
    home = tmp_path_factory.mktemp("images")
    export = SmallExport(home / "raw").keep("figure", "overall")
    export.write_config(language=["zh", "en"], licence="MIT")
    export.add_column("paintings.csv", "licence", ["CC0-1.0", "", "CC0-1.0", "CC0-1.0", "", "CC0-1.0"])
    build_dataset(export.folder, home / "ppaint")
    return home / "ppaint"


@pytest.fixture
def folder(built, tmp_path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(built, tmp_path / "ppaint"))


def faults(folder: Path, name: str = NAME) -> list[tuple[str, str, str]]:
    """File within the folder, field and what is wrong, of each fault; each says what to do."""
    with pytest.raises(InputFault) as caught:
        check_content(dataset_content(folder, name, LINKS))
    assert all(fault.fix for fault in caught.value.faults)
    return [(fault.file.removeprefix(f"{folder}/"), fault.row, fault.what) for fault in caught.value.faults]


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_all_of_the_dataset_and_nothing_else(folder):
    expected = {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}
    (folder / ".DS_Store").write_bytes(b"\0")
    (folder / "ratings" / "notes.txt").write_text("to do")
    content = dataset_content(folder, NAME, LINKS)
    check_content(content)
    assert content.files.keys() == expected and content.left_out == (".DS_Store", "ratings/notes.txt")
    assert content.simulated and content.repo_type == "dataset" and content.source == str(folder)


def test_every_block_of_the_card_names_the_repo_and_its_neighbours_are_linked(built):
    card = dataset_content(built, NAME, LINKS).read("README.md").decode()
    loads = re.findall(r"load_dataset\((\"[^\"]+\")", "".join(re.findall(r"```python\n(.*?)```", card, re.S)))
    assert loads == [f'"{NAME}"'] * 5 and "ORG/" not in card and "./ppaint`" not in card
    assert f"(https://huggingface.co/spaces/org/srcc_plcc/tree/{'0' * 40})" in card
    assert "(https://huggingface.co/datasets/org/board-simulated)" in card
    again = built.parent / "again"
    shutil.copytree(built, again)
    (again / "README.md").write_text(card, encoding="utf-8")
    assert (
        'load_dataset("other/x-simulated", "pairs")'
        in dataset_content(again, "other/x-simulated", Links()).read("README.md").decode()
    ), "a card that was published before is published elsewhere"


def test_the_block_of_the_card_runs_as_printed(built, tmp_path, monkeypatch):
    content = dataset_content(built, NAME, LINKS)
    write_content(content, tmp_path)  # a folder ORG/NAME is taken for the repo
    monkeypatch.chdir(tmp_path)
    (code,) = blocks(content, "python")
    names: dict = {}
    exec(code, names)
    assert len(names["fused"]["figure"]) == 10 and len(names["pairs"]["landscape"]) == 270
    assert next(iter(names["stream"]))["painting_id"] == "landscape_00"


def test_the_front_matter_is_what_the_hub_knows(built, with_images):
    for folder, task, language in ((built, "other", ["en"]), (with_images, "image-classification", ["zh", "en"])):
        card = DatasetCard(dataset_content(folder, NAME, LINKS).read("README.md").decode())
        assert card.data.task_categories == [task] and card.data.language == language and card.data.pretty_name
        assert card.data.size_categories == ["n<1K"] and card.data.configs[0]["config_name"] == "fused"
        assert not [*front_matter_faults("dataset", front_matter(card.content), "README.md")]


def test_a_card_edited_by_hand_keeps_its_words(folder):
    card = folder / "README.md"
    edit(card, "## Limits\n", "## Limits\n\n- A line of our own.\n")
    edit(card, "tags:\n", "thumbnail: https://example.org/scroll.png\ntags:\n- ours\n")
    card.write_bytes(card.read_bytes().replace(b"\n", b"\r\n"))
    content = dataset_content(folder, NAME, LINKS)
    check_content(content)
    published = content.read("README.md").decode()
    assert "- A line of our own." in published and front_matter(published)["tags"][0] == "ours"


def test_what_is_not_of_this_build_is_refused_all_at_once(folder):
    card, table = folder / "README.md", folder / "ratings" / "figure-00000-of-00001.parquet"
    agreement = re.search(r"\| \*\*mean\*\* \| \| \*\*0\.(\d+)", card.read_text()).group(1)
    edit(card, f"**0.{agreement}**", "**0.999**")
    edit(card, "  - split: landscape\n    path: pairs/", "  - split: landscape\n    path: ratings/")
    pq.write_table(pq.read_table(table).slice(1), table)
    (folder / "pairs" / "landscape-00000-of-00001.parquet").unlink()
    (folder / "small.py").write_text("import os")
    edit(folder / "annotations.yaml", "citation: none", "citation: some")
    assert [(file, row) for file, row, _ in faults(folder)] == [
        ("ratings/figure-00000-of-00001.parquet", ""),
        ("pairs/landscape-00000-of-00001.parquet", ""),
        ("annotations.yaml", ""),
        ("small.py", ""),
        ("README.md", "part 'agreement'"),
        ("README.md", "configs, pairs"),
    ]


def test_a_card_of_another_build_is_refused_by_its_figures_and_versions(folder, with_images):
    shutil.copy(with_images / "README.md", folder)
    found = faults(folder)
    assert {row for _, row, _ in found} >= {"part 'counts'", "part 'agreement'", "configs, fused", "configs, pairs"}


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("license: cc0-1.0", "license: mit", "license"),
        ("- n<1K", "- 1M<n<10M", "size_categories"),
        ("- machine-generated", "- expert-generated", "annotations_creators"),
        ("No person painted or judged", "Great masters painted", ""),
    ],
)
def test_fields_and_a_banner_that_follow_from_the_build_are_not_an_authors(folder, old, new, field):
    edit(folder / "README.md", old, new)
    ((file, row, _),) = faults(folder)
    assert (file, row) == ("README.md", field)


def test_figures_without_their_hashes_are_refused(folder):
    path = folder / "ppaint_release.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"card_sha256": {}}))
    assert {row for _, row, _ in faults(folder)} == {"part 'counts'", "part 'agreement'", "part 'convergence'"}


def test_a_card_without_its_loading_part_is_refused(folder):
    edit(folder / "README.md", "<!-- ppaint: loading -->", "")
    assert faults(folder) == [("README.md", "part 'loading'", "is missing: it says how to load the dataset")]


@pytest.mark.parametrize("key", ["card_sha256", "configs"])
def test_a_dataset_of_an_older_version_is_to_be_built_again(folder, key):
    facts = json.loads((folder / "ppaint_release.json").read_text())
    del facts[key]
    (folder / "ppaint_release.json").write_text(json.dumps(facts))
    ((file, row, what),) = faults(folder)
    assert (file, row) == ("ppaint_release.json", key) and "older version" in what


@pytest.mark.parametrize("file", ["../secret/x.parquet", "/etc/x.parquet", "fused/x.csv", 3])
def test_a_release_file_that_names_anything_else_is_refused(folder, file):
    facts = json.loads((folder / "ppaint_release.json").read_text())
    facts["configs"]["fused"]["figure"]["file"] = file
    (folder / "ppaint_release.json").write_text(json.dumps(facts))
    assert [row for _, row, _ in faults(folder)] == ["configs.fused.figure.file"]


def respell(folder: Path, config: str, change: Callable[[pa.Table], pa.Table]) -> str:
    """Change the table of figures as if it had been built so."""
    versions = [one["version"] for one in card_configs(read_release(folder))]
    facts = json.loads((folder / "ppaint_release.json").read_text())
    split = next(iter(facts["configs"][config].values()))
    pq.write_table(change(pq.read_table(folder / split["file"])), folder / split["file"])
    split["sha256"] = file_sha256(folder / split["file"])
    (folder / "ppaint_release.json").write_text(json.dumps(facts))
    for old, new in zip(versions, card_configs(read_release(folder)), strict=True):
        edit(folder / "README.md", old, new["version"])
    return split["file"]


@pytest.mark.parametrize(
    ("config", "column", "word", "said"),
    [
        ("paintings", "source", "/home/ann/scans/2.tif", "a path or a name of a machine: /home/ann"),
        ("ratings", "expert_id", "hf_" + "Ab" * 17, "what looks like a token of the Hub"),
        ("pairs", "expert_id", "/home/ann", "a path or a name of a machine: /home/ann"),
    ],
)
def test_paths_of_a_machine_and_secrets_in_any_table_are_refused(folder, config, column, word, said):
    def change(table: pa.Table) -> pa.Table:
        place = table.column_names.index(column)
        values = table[column].to_pylist()
        return table.set_column(place, table.schema.field(place), [[values[0], word, *values[2:]]])

    file = respell(folder, config, change)
    assert [one for one in faults(folder) if one[0].endswith(".parquet")] == [
        (file, f"row 2, {column}", f"holds {said}")
    ]


def test_an_image_named_by_its_path_is_refused(with_images, tmp_path):
    folder = Path(shutil.copytree(with_images, tmp_path / "ppaint"))
    file = respell(folder, "fused", with_first_image(lambda image: image | {"path": "scans/1.png"}))
    assert faults(folder, "org/ppaint") == [(file, "row 1, image", "holds a path of a machine ('scans/1.png')")]


def with_first_image(change: Callable[[dict], dict]) -> Callable[[pa.Table], pa.Table]:
    def changed(table: pa.Table) -> pa.Table:
        place = table.column_names.index("image")
        images = table["image"].to_pylist()
        images[0] = change(images[0])
        return table.set_column(place, table.schema.field(place), [images])

    return changed


def test_what_images_say_of_where_they_were_taken_or_made_is_counted(with_images, tmp_path):
    folder = Path(shutil.copytree(with_images, tmp_path / "ppaint"))

    def taken(image: dict) -> dict:
        exif = Image.Exif()
        exif[0x8825] = {1: "N", 2: (52.0, 31.0, 12.0)}
        exif[0x010E] = "/Users/ann/scans/1.psd"
        Image.open(io.BytesIO(image["bytes"])).convert("RGB").save(said := io.BytesIO(), "JPEG", exif=exif)
        return image | {"bytes": said.getvalue()}

    respell(folder, "paintings", with_first_image(taken))
    content = dataset_content(folder, "org/ppaint", Links())
    check_content(content)
    _, gps, named = content.notes
    assert gps.startswith("1 of 6 images say in their metadata where they were taken")
    assert named.startswith("1 of 6 images name a folder of some machine")


def test_images_without_a_licence_are_counted_for_who_publishes_them(with_images, built):
    (note,) = dataset_content(with_images, "org/ppaint", Links()).notes
    assert note.startswith("2 of 6 images have no licence stated")
    assert dataset_content(built, NAME, LINKS).notes == ()


def test_what_is_no_dataset_is_refused(tmp_path):
    assert faults(tmp_path)[0][2].startswith("not a built ppaint dataset")


def test_simulated_data_that_say_they_are_real_are_refused(folder):
    facts = json.loads((folder / "ppaint_release.json").read_text())
    facts["simulated"] = False
    (folder / "ppaint_release.json").write_text(json.dumps(facts))
    assert ("annotations.yaml", "") in [(file, row) for file, row, _ in faults(folder, "org/small")]
    config = yaml.safe_load((folder / "annotations.yaml").read_text())
    assert config["simulated"] is True


def test_the_content_is_read_from_the_folder_or_from_what_was_made(built):
    content: Content = dataset_content(built, NAME, LINKS)
    assert content.read("annotations.yaml") == (built / "annotations.yaml").read_bytes()
