"""The tab Ground truth: a release's images and tables, as a visitor sees them."""

import asyncio
import io
import json
from types import SimpleNamespace

import gradio as gr
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
from ppaint.spaces_demo.painting_choice import HIGHEST, LOWEST, choose_paintings
from ppaint.spaces_demo.painting_record import painting_record
from ppaint.spaces_demo.painting_tables import met_text, opponent_rows, rating_rows, score_rows
from ppaint.spaces_demo.part import Part
from ppaint.spaces_demo.release_images import ReleaseImages
from ppaint.spaces_demo.space_file import NamedRepo
from ppaint.spaces_demo.truth_tab import build_truth_tab, gallery_of, image_html, release_html, title_html
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


# --- what a visitor chooses, and sees


def test_paintings_are_sorted_by_a_dimension_and_kept_within_a_range(judged):
    chosen = choose_paintings(judged, "landscape", "overall")
    assert chosen.ids == ("landscape_00", "landscape_01", "landscape_02")  # 6, 5 and none
    assert chosen.scores == {"landscape_00": 6.0, "landscape_01": 5.0, "landscape_02": None}
    assert choose_paintings(judged, "landscape", "overall", LOWEST).ids[:2] == ("landscape_01", "landscape_00")
    assert choose_paintings(judged, "landscape", "overall", low=5, high=5.5).ids == ("landscape_01",)
    assert choose_paintings(judged, "landscape", "brushwork", low=3.5).ids == ("landscape_02", "landscape_01")


def test_all_that_cannot_be_asked_for_is_said_at_once(judged):
    with pytest.raises(InputFault) as refused:
        choose_paintings(judged, "*", "beauty", "sideways", 6, 5)
    assert [fault.row for fault in refused.value.faults] == ["category", "dimension", "order", ""]


def test_the_gallery_shows_a_page_of_pictures_with_their_scores(judged, monkeypatch):
    monkeypatch.setattr("ppaint.spaces_demo.truth_tab.AT_A_TIME", 2)
    slider, said, pictures = gallery_of(judged, "landscape", "overall", HIGHEST, "", "", 1)
    assert [caption for _, caption in pictures] == ["6.00 · landscape_00", "5.00 · landscape_01"]
    assert "3 of the 3 paintings of landscape; page 1 of 2" in said and slider.visible
    _, _, pictures = gallery_of(judged, "landscape", "overall", HIGHEST, "", "", 2)
    assert [caption for _, caption in pictures] == ["no score · landscape_02"]
    slider, said, pictures = gallery_of(judged, "landscape", "overall", HIGHEST, " 5.5", "", 1)
    assert len(pictures) == 1 and "1 of the 3" in said and not slider.visible


@pytest.mark.parametrize(
    "ends, told",
    [(("x<b>", "nan"), "&#x27;x&lt;b&gt;&#x27; is no number"), (("6", "5"), "it ends (5) below its start (6)")],
)
def test_a_range_that_is_none_is_said_and_shows_nothing(judged, ends, told):
    _, said, pictures = gallery_of(judged, "landscape", "overall", HIGHEST, *ends, 1)
    assert pictures == [] and told in said and 'role="alert"' in said and "<b>" not in said


def test_a_painting_without_an_image_is_shown_as_such(drawn):
    _, _, pictures = gallery_of(drawn, "figure", "overall", HIGHEST, "", "", 1)
    paths = {caption.split(" · ")[1]: path for path, caption in pictures}
    with Image.open(paths["figure_01"]) as grey:
        assert (grey.format, grey.size) == ("JPEG", (240, 240))
    assert len(set(paths.values())) == 4


def test_a_paintings_tables_say_what_its_record_says(judged):
    record = painting_record(judged, "landscape_00")
    headers, rows = score_rows(record)
    overall = dict(zip(headers, rows[1], strict=True))
    assert overall["fused score"] == "6.00" and overall["A ± error"] == "6.20 ± 0.60"
    assert overall["95 % interval"] == "4.41 to 7.59"  # 6 ± 1.591
    assert rating_rows(record)[1] == [["e1", "4", "5, 6"], ["e2", "–", "7"]]
    scores = choose_paintings(judged, "landscape", "overall").scores
    assert opponent_rows(record, "overall", scores) == (
        ["opponent", "its score", "won", "lost", "tied", "e1", "e2", "e3"],
        [
            ["landscape_01", 5.0, 2, 1, 0, "won", "lost", "won"],
            ["landscape_02", None, 1, 0, 1, "won, tied", "–", "–"],
        ],
    )
    assert met_text(record, "overall") == "Overall: 5 comparisons with 2 opponents: 3 won, 1 lost, 1 tied."


def test_what_others_wrote_of_a_painting_is_text_on_the_page(judged):
    record = painting_record(judged, "landscape_00") | {"painting_id": "<i>p</i>"}
    record["about"] = {"title": "<script>alert(1)</script>", "width": 3, "height": 2}
    title = title_html(record)
    assert "<script" not in title and "<i>" not in title and "3 x 2 pixels" in title
    image = image_html(judged, painting_record(judged, "landscape_00") | {"about": {"title": '" onload="x'}})
    assert 'alt="Painting landscape_00: &quot; onload=&quot;x"' in image and "data:image/jpeg;base64," in image


def shown_tab(dataset):
    """The configuration of a page with this tab alone."""

    async def build():
        with gr.Blocks(analytics_enabled=False) as page:
            build_truth_tab(SimpleNamespace(dataset=dataset))
        return page.get_config_file()

    return asyncio.run(build())


def part_of(named, **made):
    part = Part("release", named, "start it with --dataset")
    if made:
        part.load(lambda: made["release"])
    return part


def test_the_tab_stands_before_the_release_is_there_and_says_whether_it_is_simulated(judged):
    named = NamedRepo("org/release")
    waiting, there = part_of(named), part_of(named, release=judged)
    ids = {one["props"].get("elem_id") for one in shown_tab(waiting)["components"]}
    assert ids >= {f"truth-{name}" for name in "status category dimension order low high gallery".split()}
    assert ids >= {f"truth-{name}" for name in "title image scores ratings opponents".split()}
    assert "Loading the release org/release" in release_html(SimpleNamespace(dataset=waiting))
    said = release_html(SimpleNamespace(dataset=there))
    assert "6 paintings in 2 categories" in said and "Simulated." in said


def test_without_a_release_the_tab_says_how_to_name_one():
    config = shown_tab(part_of(None))
    said = [one["props"]["value"] for one in config["components"] if one["props"].get("elem_id") == "truth-status"]
    assert "start it with --dataset" in said[0]
    assert "truth-gallery" not in {one["props"].get("elem_id") for one in config["components"]}


def test_none_of_its_events_is_in_the_api(judged):
    events = shown_tab(part_of(NamedRepo("org/release"), release=judged))["dependencies"]
    assert events and {event["api_visibility"] for event in events} == {"private"}
