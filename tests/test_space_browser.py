"""Every page of the Space in a browser, at 1280 and at 360 pixels: a visitor's whole task there, and the keyboard alone through two of them."""

import csv
import io

import numpy as np
import pytest
from page_browser import CHROMIUM, Pages, give_by_keyboard, seen, tab_to
from PIL import Image
from small_board import noisy, write_submission
from typer.testing import CliRunner

from ppaint.cli.main import app as command
from ppaint.dataset_script.release import read_release
from ppaint.model_card import AestheticScorer
from ppaint.spaces_demo import board_views as views
from ppaint.spaces_demo.board_answers import comparison
from ppaint.spaces_demo.examples import example_image
from ppaint.spaces_demo.painting_choice import LOWEST, choose_paintings
from ppaint.spaces_demo.painting_record import painting_record
from ppaint.spaces_demo.painting_tables import score_rows
from ppaint.spaces_demo.served_board import load_board
from ppaint.spaces_demo.space_file import NamedRepo

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium on this machine (Debian: apt-get install chromium)")
]
WIDTHS = pytest.mark.parametrize("width", [1280, 360])


@pytest.fixture(scope="module")
def pages(page_server):
    from playwright.sync_api import sync_playwright

    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield Pages(browser, page_server.address)
        browser.close()


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    """A scroll, an album leaf, and a file that is no image."""
    folder = tmp_path_factory.mktemp("images")
    for name, size, seed in (("scroll.png", (300, 120, 3), 0), ("leaf.png", (90, 100, 3), 1)):
        Image.fromarray(np.random.default_rng(seed).integers(0, 255, size, dtype=np.uint8)).save(folder / name)
    (folder / "broken.png").write_bytes(b"no image at all")
    return [folder / name for name in ("scroll.png", "leaf.png", "broken.png")]


def rows_of(page_server, images):
    """What `ppaint score` writes of some images, row by row."""
    model = ["--model", str(page_server.parts.scorer), "--format", "csv"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(images[0].parent)
        done = CliRunner().invoke(command, ["score", *(path.name for path in images), *model])
    return list(csv.DictReader(io.StringIO(done.stdout)))


@pytest.fixture(scope="module")
def scored(page_server, images):
    """The two images together."""
    return rows_of(page_server, images[:2])


@pytest.fixture(scope="module")
def scored_alone(page_server, images):
    """The first of them alone: in a batch with another, the last bits of a score depend on the processor's kernels."""
    return rows_of(page_server, images[:1])


@pytest.fixture(scope="module")
def scorer(page_server):
    return AestheticScorer.from_pretrained(page_server.parts.scorer, device="cpu")


@WIDTHS
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_images_are_scored(pages, page_server, images, scored, scored_alone, scorer, width, dark):
    with pages.open("", width=width, dark=dark) as page:
        seen(page.get_by_text("bias was induced")).wait_for()
        page.locator("#score-examples img").first.wait_for()
        page.set_input_files("#score-files input[type=file]", images[0])
        page.locator("#score-bars img").wait_for()
        seen(page.locator("#score-table").get_by_text(f"{float(scored[0]['overall']):.2f}")).wait_for()
        page.locator("#score-placement img").wait_for()
        assert "scored by this same scorer" in page.locator("#score-where").inner_text()
        assert "distance" in page.locator("#score-said").inner_text().lower()
        assert downloaded(page) == scored_alone

        page.locator("#score-files button[aria-label=Clear]").click()
        page.locator("#score-bars").wait_for(state="hidden")
        page.set_input_files("#score-files input[type=file]", images)
        seen(page.locator("#score-faults").get_by_text("not an image: it looks like a text file")).wait_for()
        seen(page.locator("#score-table img")).wait_for()
        for row in scored:
            assert seen(page.locator("#score-table").get_by_text(f"{float(row['overall']):.2f} ±")).is_visible()
        assert downloaded(page) == scored

        page.locator("#score-examples button").nth(1).click()
        name, content = example_image(read_release(page_server.parts.dataset), 1)
        seen(page.locator("#score-scale").get_by_text(name)).wait_for()
        score = scorer.score([Image.open(io.BytesIO(content))]).mean[0][-1]
        seen(page.locator("#score-table").get_by_text(f"{score:.2f}")).wait_for()


def downloaded(page):
    """The rows of the file that the page gives."""
    with page.expect_download() as download:
        page.locator("#score-csv").click()
    text = download.value.path().read_text("utf-8")
    return list(csv.DictReader(io.StringIO(text)))


@WIDTHS
def test_two_images_are_compared(pages, images, scored, width):
    with pages.open("compare", width=width) as page:
        for which, image in zip(("first", "second"), images[:2], strict=True):
            page.set_input_files(f"#compare-{which} input[type=file]", image)
            page.locator(f"#compare-{which} img").wait_for()
        page.locator("#compare-button").click()
        for row in scored:
            seen(page.locator("#compare-scores").get_by_text(f"{float(row['overall']):.2f} ±")).wait_for()
        difference = float(scored[0]["overall"]) - float(scored[1]["overall"])
        assert seen(page.locator("#compare-scores").get_by_text(f"{difference:+.2f}")).is_visible()
        seen(page.locator("#compare-judge").get_by_text("position bias")).wait_for()
        assert seen(page.locator("#compare-judge").get_by_text("agree")).is_visible()
        assert "First image, scroll.png: " in page.locator("#compare-said").inner_text()


def choose(page, dropdown, option):
    """An option of a dropdown."""
    page.locator(f"{dropdown} input").click()
    page.get_by_role("option", name=option).first.click()


@WIDTHS
def test_a_painting_is_found_and_its_opponent_opened(pages, page_server, width):
    release = read_release(page_server.parts.dataset)
    sorted_ids = choose_paintings(release, "figure", "brushwork", LOWEST).ids
    from_five = choose_paintings(release, "figure", "brushwork", LOWEST, 5.0, None).ids
    assert 0 < len(from_five) < len(sorted_ids)
    with pages.open("truth", width=width) as page:
        gallery = page.locator("#truth-gallery")
        gallery.locator("img").first.wait_for()
        choose(page, "#truth-category", "figure")
        choose(page, "#truth-dimension", "brushwork")
        page.get_by_label("lowest first").check()
        gallery.locator(".gallery-item").first.get_by_text(sorted_ids[0]).wait_for()
        captions = gallery.locator(".gallery-item").all_inner_texts()
        assert [text.split("·")[1].strip() for text in captions] == list(sorted_ids)
        page.get_by_label("Score from").fill("5")
        seen(page.get_by_text(f"{len(from_five)} of the 6 paintings of figure")).wait_for()
        gallery.locator(".gallery-item").first.get_by_text(from_five[0]).wait_for()
        gallery.locator("button").first.click()

        record = painting_record(release, from_five[0])
        title = page.locator("#truth-title h3")
        title.get_by_text(from_five[0], exact=True).wait_for()
        assert from_five[0] in page.locator("#truth-image img").get_attribute("alt")
        _, rows = score_rows(record)
        for text in rows[0][:3]:
            assert seen(page.locator("#truth-scores").get_by_text(text, exact=True)).is_visible()
        for expert in record["ratings"]:
            assert seen(page.locator("#truth-ratings").get_by_text(expert, exact=True)).is_visible()
        opponent = record["comparisons"]["brushwork"]["opponents"][0]["opponent"]
        seen(page.locator("#truth-opponents").get_by_text(opponent, exact=True)).click()
        title.get_by_text(opponent, exact=True).wait_for()


@WIDTHS
def test_the_leaderboard_is_read_and_a_submission_checked(pages, page_server, tmp_path, width):
    parts = page_server.parts
    served = load_board(NamedRepo(str(parts.board)))
    board = served.board
    good = write_submission(
        tmp_path / "good", parts.references, noisy(parts.references, 1.0, seed=9), system="New & good"
    )
    bad = write_submission(tmp_path / "bad", parts.references, noisy(parts.references, 1.0), system="bad")
    text = (bad / "predictions.csv").read_text()
    (bad / "predictions.csv").write_text(text.replace("landscape_0,", "landscape_00,"))
    with pages.open("leaderboard", width=width) as page:
        table = page.locator("#board-table")
        seen(table.get_by_text("Systems: all dimensions")).wait_for()
        page.locator("#board-plots img").nth(1).wait_for()
        assert page.evaluate("[...document.querySelectorAll('#board-plots img')].every(one => one.naturalWidth > 500)")
        page.get_by_label("overall alone").check()
        seen(table.get_by_text("Systems: overall alone")).wait_for()
        offered = views.choices_of(board)
        assert len(table_rows(table)) == len(views.table_rows(board, "overall"))
        choose(page, "#board-trained", offered.trained[1])
        page.wait_for_timeout(500)
        kept = views.table_rows(board, offered.tables[1][1], trained=offered.trained[1])
        assert table_rows(table) == [[cell.strip() for cell in row] for row in kept]

        choose(page, "#board-system", "S2,")
        seen(page.get_by_text("Every figure of S2, with its interval")).wait_for()
        choose(page, "#board-second", "S3,")
        page.locator("#board-compare").click()
        compared = page.locator("#board-compared")
        seen(compared.get_by_text("S0 less S3")).wait_for()
        found = comparison(served, offered.systems[0][1], next(id for name, id in offered.systems if "S3," in name))
        assert table_rows(compared) == views.compared_rows(found, board.facts.level)

        for folder, said in ((bad, "Not sound."), (good, "Sound.")):
            for id, name in (("board-submission", "submission.yaml"), ("board-predictions", "predictions.csv")):
                if folder == good:
                    page.locator(f"#{id} button[aria-label=Clear]").click()
                page.set_input_files(f"#{id} input[type=file]", folder / name)
                seen(page.locator(f"#{id} .file-preview")).wait_for()
            page.locator("#board-check").click()
            seen(page.locator("#board-checked").get_by_text(said, exact=True)).wait_for()
            if folder == bad:
                assert seen(page.locator("#board-checked").get_by_text("landscape_00")).is_visible()
                assert page.locator("#board-command").is_hidden()
        assert "New & good" in page.locator("#board-checked").inner_text()
        assert "It would stand at: " in page.locator("#board-checked").inner_text()
        given = f"ppaint submit mine --dataset {parts.dataset} --to {parts.board}"
        assert page.locator("#board-command textarea").input_value() == given


def table_rows(table):
    """The cells of an HTML table's body."""
    return table.evaluate(
        "one => [...one.querySelectorAll('tbody tr')].map(row => [...row.cells].map(cell => cell.textContent.trim()))"
    )


@WIDTHS
def test_what_answers_and_what_happens_to_an_upload_is_said(pages, page_server, width):
    with pages.open("about", width=width) as page:
        seen(page.get_by_text(str(page_server.parts.scorer))).wait_for()
        said = page.locator("main").inner_text()
        assert "deleted within the hour" in said and "arXiv 2605.19776" in said
        assert str(page_server.parts.dataset) in said and str(page_server.parts.board) in said


def test_an_image_is_scored_with_the_keyboard_alone(pages, images, scored):
    with pages.open("", width=1280) as page:
        page.locator("#score-examples img").first.wait_for()
        tab_to(page, "#score-files")
        give_by_keyboard(page, images[0])
        page.locator("#score-placement img").wait_for()
        tab_to(page, "#score-examples")
        page.keyboard.press("Enter")
        seen(page.locator("#score-scale").get_by_text("landscape_0")).wait_for()
        tab_to(page, "#score-table")
        tab_to(page, "#score-csv")
        with page.expect_download() as download:
            page.keyboard.press("Enter")
        assert download.value.suggested_filename == "scores.csv"


def test_two_images_are_compared_with_the_keyboard_alone(pages, images, scored):
    with pages.open("compare", width=1280) as page:
        page.locator("#compare-button").wait_for()
        for which, image in zip(("first", "second"), images[:2], strict=True):
            tab_to(page, f"#compare-{which}")
            give_by_keyboard(page, image)
            page.locator(f"#compare-{which} img").wait_for()
        tab_to(page, "#compare-button")
        page.keyboard.press("Enter")
        seen(page.locator("#compare-scores").get_by_text(f"{float(scored[0]['overall']):.2f} ±")).wait_for()
        tab_to(page, "#compare-scores")
        tab_to(page, "#compare-judge")
        assert "overall" in page.locator("#compare-judge").inner_text()
