"""The report in a browser: offline, claims light up their places by pointer, keyboard and link, nothing overflows."""

import re
from pathlib import Path

import pytest
from skimage import data

from feallm.media import Picture
from feallm.report.html import html_report
from tests.report.test_html_page import clip_readings, seen

CHROMIUM = Path("/usr/bin/chromium")
sync_api = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason="no Chromium here")
OPACITY = "unit => getComputedStyle(document.querySelector(`#p1f0 .r-${unit} polygon:not(.under)`)).fillOpacity"
GROUND = "unit => getComputedStyle(document.querySelector(`#p1f0 .why .c-${unit}`)).backgroundColor"


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox"])
        yield found
        found.close()


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A report of a picture and a clip on disk."""
    pictures = [Picture("photos/astronaut.png", data.astronaut(), None)]
    path = tmp_path_factory.mktemp("report") / "report.html"
    path.write_text(html_report([seen(), *clip_readings()], pictures), encoding="utf-8")
    return path


def test_claims_and_places_light_up_together(browser, path):
    page = browser.new_page()
    asked, said = [], []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(path.as_uri())
    assert page.evaluate(OPACITY, "AU12") == page.evaluate(OPACITY, "AU06") == "0"
    page.hover("#p1f0 .why .c-AU12")
    assert page.evaluate(OPACITY, "AU12") == "0.45"
    assert page.evaluate(OPACITY, "AU06") == "0"
    page.mouse.move(0, 0)
    page.hover("#p1f0 .close .r-AU06 polygon", force=True)
    assert page.evaluate(GROUND, "AU06") != page.evaluate(GROUND, "AU12")
    page.mouse.move(0, 0)
    page.focus("#p1f0 .why a")
    reached = []
    for _ in range(8):
        reached.append(page.evaluate("document.activeElement.textContent"))
        if "AU6" in reached[-1]:
            break
        page.keyboard.press("Tab")
    assert reached[:2] == ["happiness", "cheeks are raised (AU6)"]
    assert page.evaluate(OPACITY, "AU06") == "0.45"
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("#p1f0-AU06$"))  # a link is followed after the key has been taken
    page.evaluate("document.activeElement.blur()")
    assert page.evaluate(OPACITY, "AU06") == "0.45", "where a link has led stays lit"
    assert not [url for url in asked if not url.startswith(("file:", "data:"))]
    assert not said
    page.close()


@pytest.mark.parametrize(("width", "media"), [(390, "screen"), (1280, "screen"), (794, "print")])
def test_nothing_runs_over_the_edge(browser, path, width, media):
    page = browser.new_page(viewport={"width": width, "height": 900})
    page.emulate_media(media=media)
    page.goto(path.as_uri())
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    pictures = page.evaluate(
        "[...document.images].map(image => [image.complete, image.naturalWidth, image.clientWidth])"
    )
    assert pictures
    assert all(complete and natural and shown <= width for complete, natural, shown in pictures)
    page.close()
