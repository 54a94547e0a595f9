"""The pictures of the Space in the docs: each page as a visitor sees it, by Chromium, from a page that is being served.

Needs chromium and playwright. The page serves the quickstart's scorer and release, the tiny judge and the stand-in board:

    ppaint demo --model run/scorer --dataset run/ppaint --judge trainer/tiny_judge/weights/judge --board BOARD --port 7860
    python benchmarks/space_pictures.py http://127.0.0.1:7860/ FIRST.png SECOND.png

FIRST and SECOND are two images to score and compare. Writes docs/figures/space_score.jpg, space_compare.jpg, space_truth.jpg and
space_leaderboard.jpg, 1280 pixels wide.
"""

import io
import sys
from pathlib import Path

from PIL import Image
from playwright.sync_api import Page, sync_playwright

FIGURES = Path(__file__).parents[1] / "docs" / "figures"
WIDTH = 1280


def show_score(page: Page, address: str, images: list[str]) -> int:
    """One image scored; how much of the page is kept, in pixels from its top."""
    page.goto(f"{address}?__theme=light")
    page.locator("#score-examples img").first.wait_for()
    page.set_input_files("#score-files input[type=file]", images[0])
    page.locator("#score-placement img").wait_for()
    return _bottom(page, "#score-where")


def show_compare(page: Page, address: str, images: list[str]) -> int:
    """Two images compared, with the judge's answers."""
    page.goto(f"{address}compare?__theme=light")
    page.locator("#compare-button").wait_for()
    for which, image in zip(("first", "second"), images, strict=True):
        page.set_input_files(f"#compare-{which} input[type=file]", image)
        page.locator(f"#compare-{which} img").wait_for()
    page.locator("#compare-button").click()
    page.locator("#compare-judge").get_by_text("position bias").locator("visible=true").first.wait_for()
    return _bottom(page, "#compare-judge")


def show_truth(page: Page, address: str, images: list[str]) -> int:
    """A painting of the release: its scores and its ratings."""
    page.goto(f"{address}truth?__theme=light")
    page.locator("#truth-gallery button").nth(2).click()
    page.locator("#truth-title h3").wait_for()
    page.wait_for_timeout(1000)
    return _bottom(page, "#truth-ratings")


def show_leaderboard(page: Page, address: str, images: list[str]) -> int:
    """The table and the plots."""
    page.goto(f"{address}leaderboard?__theme=light")
    page.locator("#board-plots img").nth(1).wait_for()
    return _bottom(page, "#board-plots")


def _bottom(page: Page, place: str) -> int:
    page.wait_for_timeout(1500)  # pictures are decoded, the page's own animations end
    return int(page.evaluate("id => document.querySelector(id).getBoundingClientRect().bottom + scrollY", place)) + 16


def main(address: str, *images: str) -> None:
    """Write all four."""
    shown = {"score": show_score, "compare": show_compare, "truth": show_truth, "leaderboard": show_leaderboard}
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": WIDTH, "height": 900})
        for name, show in shown.items():
            height = show(page, address, list(images))
            page.mouse.move(0, 0)
            page.evaluate("document.activeElement.blur()")
            taken = page.screenshot(full_page=True, clip={"x": 0, "y": 0, "width": WIDTH, "height": height})
            file = FIGURES / f"space_{name}.jpg"
            Image.open(io.BytesIO(taken)).convert("RGB").save(file, quality=82, optimize=True, progressive=True)
            print(f"{file}: {height} pixels high, {file.stat().st_size / 1000:.0f} KB")
        browser.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
