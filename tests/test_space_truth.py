"""The tab Ground truth: a release's images and tables, as a visitor sees them."""

import io

import pytest
from drawn_release import draw_release, picture
from PIL import Image

from ppaint.dataset_script.release import read_release
from ppaint.foundation.faults import InputFault
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
