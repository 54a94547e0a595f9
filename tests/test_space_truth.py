"""The tab Ground truth: a release's images and tables, as a visitor sees them."""

import io
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import SmallExport
from drawn_release import draw_release, picture
from PIL import Image

from ppaint.dataset_script import build_dataset
from ppaint.dataset_script.release import read_release
from ppaint.foundation.faults import InputFault
from ppaint.preference_to_score import interval_factor
from ppaint.spaces_demo.painting_record import painting_record
from ppaint.spaces_demo.release_images import ReleaseImages
from ppaint.spaces_demo.upload_guard import private_upload_folder


@pytest.fixture(scope="module")
def drawn(tmp_path_factory):
    folder = draw_release(tmp_path_factory.mktemp("drawn") / "release", paintings=4, missing=("figure_01",))
    return read_release(folder)


# --- images


def test_every_painting_is_listed_with_its_category(drawn):
    ids = [("landscape", f"landscape_{place:02d}") for place in range(4)]
    assert ReleaseImages(drawn).ids() == ids + [("figure", f"figure_{place:02d}") for place in range(4)]


def test_an_image_is_found_by_its_painting_and_comes_as_it_is_stored(drawn):
    content = ReleaseImages(drawn).image("figure_02", "figure")
    assert Image.open(io.BytesIO(content)).tobytes() == picture(4 + 2).tobytes()


def test_the_page_gets_a_small_jpeg_of_it_below_its_own_folder(drawn):
    images = ReleaseImages(drawn)
    small, large = (images.thumbnail("landscape_03", "landscape", side=side) for side in (24, 1024))
    assert small.is_relative_to(private_upload_folder()) and "landscape" not in str(small)
    with Image.open(small) as one, Image.open(large) as other:
        assert (one.format, one.size, other.size) == ("JPEG", (24, 20), (48, 40))


def test_it_is_made_once_and_again_when_it_was_cleared_away(drawn):
    images = ReleaseImages(drawn)
    path = images.thumbnail("landscape_00", "landscape")
    first = path.stat().st_ino
    assert ReleaseImages(drawn).thumbnail("landscape_00", "landscape").stat().st_ino == first
    path.unlink()
    assert images.thumbnail("landscape_00", "landscape").is_file()


def test_a_painting_without_an_image_has_none(drawn):
    images = ReleaseImages(drawn)
    assert images.image("figure_01", "figure") is None and images.thumbnail("figure_01", "figure") is None


@pytest.mark.parametrize("name", ["figure_00", "../../ppaint_release.json", "", "\udcff"])
def test_what_is_no_painting_of_the_category_is_refused(drawn, name):
    with pytest.raises(InputFault, match="the category 'landscape' has no painting"):
        ReleaseImages(drawn).thumbnail(name, "landscape")


@pytest.mark.parametrize("category", ["*", "../paintings/landscape", "", "\0"])
def test_what_is_no_category_becomes_no_file_name(drawn, category):
    with pytest.raises(InputFault, match="has no painting 'landscape_00'"):
        ReleaseImages(drawn).image("landscape_00", category)


# --- what is known of a painting

# painting_a, painting_b, expert_id, dimension, choice
PAIRS = [
    ("landscape_00", "landscape_01", "e1", "overall", "a"),
    ("landscape_01", "landscape_00", "e2", "overall", "a"),
    ("landscape_01", "landscape_00", "e3", "overall", "b"),
    ("landscape_00", "landscape_02", "e1", "overall", "tie"),
    ("landscape_02", "landscape_00", "e1", "overall", "b"),  # judged once more
    ("landscape_00", "landscape_01", "e1", "brushwork", "b"),
    ("landscape_01", "landscape_02", "e2", "overall", "a"),  # of two others
]
# painting_id, expert_id, dimension, rating
RATINGS = [
    ("landscape_00", "e2", "overall", 7),
    ("landscape_00", "e1", "overall", 5),
    ("landscape_00", "e1", "overall", 6),
    ("landscape_00", "e1", "brushwork", 4),
    ("landscape_01", "e4", "overall", 9),
]


def add_table(folder, name, category, columns):
    (folder / name).mkdir(exist_ok=True)
    pq.write_table(pa.table(columns), folder / name / f"{category}-00000-of-00001.parquet")


@pytest.fixture(scope="module")
def judged(tmp_path_factory):
    """Two categories: fused scores, ratings and comparisons in the first, none in the other."""
    folder = draw_release(tmp_path_factory.mktemp("judged") / "release", paintings=3)
    ids = [f"landscape_{place:02d}" for place in range(3)]
    figures = {"": [6.0, 5.0, None], "_se": [0.5, 0.25, None], "_se_panel": [0.1, 0.1, None]}
    figures |= {"_a": [6.2, 5.1, None], "_a_se": [0.6, 0.3, None], "_b": [5.8, 4.9, None], "_b_se": [0.4, 0.2, None]}
    kind = pa.float64()
    columns = {f"overall{suffix}": pa.array(values, type=kind) for suffix, values in figures.items()}
    columns["brushwork"] = pa.array([3.0, 4.0, 5.0])
    add_table(folder, "fused", "landscape", {"painting_id": ids, **columns})
    names = ("painting_id", "expert_id", "dimension", "rating")
    add_table(folder, "ratings", "landscape", dict(zip(names, map(list, zip(*RATINGS, strict=True)), strict=True)))
    names = ("painting_a", "painting_b", "expert_id", "dimension", "choice")
    add_table(folder, "pairs", "landscape", dict(zip(names, map(list, zip(*PAIRS, strict=True)), strict=True)))
    text = pa.array([], type=pa.string())
    add_table(folder, "ratings", "figure", {name: text for name in ("painting_id", "expert_id", "dimension", "rating")})
    add_table(folder, "pairs", "figure", dict.fromkeys(names, text))
    return read_release(folder)


def test_a_painting_has_its_fused_score_both_constructions_and_an_interval_over_experts(judged):
    record = painting_record(judged, "landscape_00")
    assert (record["category"], record["scores_from"], record["rating_scale"]) == ("landscape", "fused", [1, 10])
    score = record["scores"]["overall"]
    assert score["a"] == {"score": 6.2, "se": 0.6} and score["b"] == {"score": 5.8, "se": 0.4}
    assert (score["score"], score["se"], score["se_panel"]) == (6.0, 0.5, 0.1)
    # e1 to e4 judged it, under one protocol or the other: t of 3 degrees of freedom, 97.5 %, is 3.1824 in every table of it
    assert score["experts"] == 4
    assert [score["low"], score["high"]] == pytest.approx([6 - 3.1824 * 0.5, 6 + 3.1824 * 0.5], abs=1e-4)


def test_a_score_without_an_error_has_no_interval_and_a_painting_without_a_score_none(judged):
    assert painting_record(judged, "landscape_00")["scores"]["brushwork"] == {
        "score": 3.0, "se": None, "low": None, "high": None, "experts": 1,
    }  # fmt: skip
    assert painting_record(judged, "landscape_02")["scores"]["overall"] is None


def test_every_rating_of_every_expert_is_there(judged):
    assert painting_record(judged, "landscape_00")["ratings"] == {
        "e1": {"brushwork": [4], "overall": [5, 6]},
        "e2": {"brushwork": [], "overall": [7]},
    }
    assert painting_record(judged, "figure_00")["ratings"] == {}


def test_comparisons_are_counted_by_opponent_and_by_expert_from_either_side(judged):
    met = painting_record(judged, "landscape_00")["comparisons"]
    assert {key: met["overall"][key] for key in ("won", "lost", "tied")} == {"won": 3, "lost": 1, "tied": 1}
    first, second = met["overall"]["opponents"]
    assert first == {
        "opponent": "landscape_01", "won": 2, "lost": 1, "tied": 0,
        "by_expert": {
            "e1": {"won": 1, "lost": 0, "tied": 0},
            "e2": {"won": 0, "lost": 1, "tied": 0},
            "e3": {"won": 1, "lost": 0, "tied": 0},
        },
    }  # fmt: skip
    assert (second["opponent"], second["by_expert"]) == ("landscape_02", {"e1": {"won": 1, "lost": 0, "tied": 1}})
    assert [one["opponent"] for one in met["brushwork"]["opponents"]] == ["landscape_01"]
    assert painting_record(judged, "figure_00")["comparisons"]["overall"]["opponents"] == []


def test_what_one_painting_won_the_other_lost(judged):
    other = painting_record(judged, "landscape_01")["comparisons"]["overall"]["opponents"]
    counts = {one["opponent"]: (one["won"], one["lost"], one["tied"]) for one in other}
    assert counts == {"landscape_00": (1, 2, 0), "landscape_02": (1, 0, 0)}


def test_a_record_is_plain_json(judged):
    for painting in ("landscape_00", "landscape_02", "figure_00"):
        record = painting_record(judged, painting)
        assert json.loads(json.dumps(record, allow_nan=False)) == record


@pytest.mark.parametrize(
    "name, fix",
    [
        ("landscape_1", "give landscape_01 or landscape_0"),
        ("", "give one of its 6 ids, such as landscape_00"),
        ("\udcff" * 9000, "give one of its 6 ids"),
        (None, "give one of its 6 ids"),
        (["landscape_00"], "give landscape_00"),
    ],
)
def test_an_unknown_painting_is_refused_with_the_ids_that_come_nearest(judged, name, fix):
    with pytest.raises(InputFault, match="drawn-simulated, painting_id: it has no painting") as refused:
        painting_record(judged, name)
    assert fix in str(refused.value) and len(str(refused.value)) < 400


def test_a_painting_of_another_category_is_refused(judged):
    with pytest.raises(
        InputFault, match="the painting landscape_00 is not in the category figure. Fix: give landscape"
    ):
        painting_record(judged, "landscape_00", "figure")


@pytest.mark.parametrize(("absent", "alone"), [("ratings.csv", "pairs"), ("pairs.csv", "ratings")])
def test_a_release_of_one_protocol_gives_its_scores(tmp_path, absent, alone):
    export = SmallExport(tmp_path / "raw").keep("figure", "overall")
    (export.folder / absent).unlink()
    build_dataset(export.folder, tmp_path / "built")
    release = read_release(tmp_path / "built")
    record = painting_record(release, "figure_0")
    score, row = record["scores"]["overall"], release.scores.set_index("painting_id").loc["figure_0"]
    assert record["scores_from"] == alone and (score["score"], score["se"]) == (row["overall"], row["overall_se"])
    assert score["high"] - score["score"] == pytest.approx(interval_factor(3) * row["overall_se"])
    assert ("bias_removed" in score, bool(record["ratings"]), bool(record["comparisons"])) == (
        (False, False, True) if alone == "pairs" else (True, True, False)
    )
    assert record["about"]["title"] == "Title of figure_0"
    json.dumps(record, allow_nan=False)


def test_an_interval_of_a_part_rests_on_the_experts_who_compared_in_it(tmp_path):
    export = SmallExport(tmp_path / "raw").keep("figure", "overall")
    (export.folder / "ratings.csv").unlink()
    header, *rows = export.read("pairs.csv")
    parts = [{"figure_0", "figure_1", "figure_2"}, {"figure_3", "figure_4", "figure_5"}]
    kept = [row for row in rows if any({row[0], row[1]} <= part for part in parts)]
    kept = [row for row in kept if row[0] in parts[0] or row[2] != "figure_expert_2"]
    export.write("pairs.csv", [header, *kept])
    build_dataset(export.folder, tmp_path / "built")
    release = read_release(tmp_path / "built")
    scores = [painting_record(release, name)["scores"]["overall"] for name in ("figure_0", "figure_5")]
    assert [(score["part"], score["experts"]) for score in scores] == [(1, 3), (2, 2)]
