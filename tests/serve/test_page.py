"""The web page in a real browser, against a real server."""

import io
import json
import re
import shutil

import numpy as np
import pytest
from PIL import Image
from skimage import data

from feallm.facs import CODED_AUS
from feallm.serve.page import PAGE, page_words
from tests.serve.conftest import encoded, running

api = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium")
browsing = pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed")
PHOTO = {"name": "me.jpg", "mimeType": "image/jpeg"}
LARGEST = 60_000  # bytes of the whole page, as they are sent


@pytest.fixture(scope="module")
def browser(tmp_path_factory, portrait):
    """One browser, whose camera sees the portrait."""
    scene = tmp_path_factory.mktemp("camera") / "scene.mjpeg"
    frame = Image.open(io.BytesIO(portrait)).resize((320, 320)).crop((0, 40, 320, 280))
    scene.write_bytes(encoded(frame) * 4)
    camera = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
    with api.sync_playwright() as playwright:
        started = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", *camera, f"--use-file-for-fake-video-capture={scene}"]
        )
        yield started
        started.close()


class Tab:
    """A page in a context of its own, what it asked for, and which of its scripts failed."""

    def __init__(self, browser, url, **options):
        self.url, self.asked, self.failures = url, [], []
        self.context = browser.new_context(**{"reduced_motion": "reduce", **options})
        self.context.set_default_timeout(15_000)
        self.page = self.context.new_page()
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.on("pageerror", lambda error: self.failures.append(str(error)))
        self.page.goto(url)

    def check(self):
        """No script failed, and nothing was asked of any other host."""
        assert not self.failures
        assert not [there for there in self.asked if not there.startswith((self.url, f"blob:{self.url}", "data:"))]


@pytest.fixture
def opened(browser, server):
    """Opens the page anew, with options of a browser context."""
    tabs = []

    def open_page(url=server.url, **options):
        tabs.append(Tab(browser, url, **options))
        return tabs[-1].page

    yield open_page
    for tab in tabs:
        tab.context.close()
        tab.check()


@pytest.fixture(scope="module")
def tab(browser, server):
    opened = Tab(browser, server.url)
    yield opened
    opened.context.close()


@pytest.fixture
def page(tab):
    """The page as the test before left it: whatever is opened next replaces that."""
    yield tab.page
    tab.check()


def read(page, picture, name="me.jpg"):
    """Give the page a picture, and wait until it is read whole."""
    page.set_input_files("#file", {**PHOTO, "name": name, "buffer": picture})
    page.get_by_alt_text(f"The picture {name}").wait_for()
    page.get_by_role("heading", name="Keep the result").wait_for()


def share(page, name):
    return float(page.get_by_role("meter", name=name, exact=True).get_attribute("aria-valuenow"))


def test_the_page_is_small_and_names_only_itself(client):
    files = [path for path in PAGE.iterdir() if path.suffix in (".html", ".js", ".css", ".svg")]
    sent = [client.get("/" if path.suffix == ".html" else f"/static/{path.name}") for path in files]
    assert all(answer.status_code == 200 for answer in sent)
    assert sum(answer.num_bytes_downloaded for answer in sent) < LARGEST
    for path in files:
        addresses = set(re.findall(r"(?:https?:)?//[\w.]+\.\w+[^\s\"']*", path.read_text()))
        assert addresses <= {"http://www.w3.org/2000/svg"}, path.name


def test_scripts_ask_for_no_element_that_is_not_there():
    there = set()
    for path in PAGE.iterdir():
        if path.suffix in (".html", ".js"):
            there |= set(re.findall(r"""\bid(?:=|: )"([\w-]+)\"""", path.read_text()))
    for path in PAGE.glob("*.js"):
        wanted = set(re.findall(r"""(?:\$|show)\("([\w-]+)\"""", path.read_text()))
        assert wanted <= there, path.name


def test_every_action_unit_has_its_words():
    assert list(page_words()["action_units"]) == list(CODED_AUS)
    json.dumps(page_words())
    assert page_words()["honest"] in " ".join((PAGE / "index.html").read_text().split())


@browsing
def test_a_photo_is_read(page, portrait):
    assert page.get_by_text("A face shows an expression, not what a person feels").is_visible()
    assert page.get_by_text("stays on this computer; nothing is stored").is_visible()
    read(page, portrait)
    assert page.locator("#verdict").inner_text().startswith("Happiness")
    assert share(page, "happiness") > 60
    assert page.get_by_role("meter", name="AU12 probability").get_attribute("aria-valuetext").endswith(", present")
    assert "AU12" in page.locator("#why").inner_text()
    box, picture = (page.locator(what).bounding_box() for what in (".box", "#frame img"))
    assert picture["x"] < box["x"] < box["x"] + box["width"] < picture["x"] + picture["width"]


@browsing
def test_an_action_unit_shows_where_it_is_seen_and_what_it_does(page, portrait):
    read(page, portrait)
    api.expect(page.locator("#frame .edge")).to_have_count(0)
    page.locator("#units [data-unit=AU12]").hover()
    api.expect(page.locator("#frame .edge")).to_have_count(4)  # two lip corners, each with a dark and a light line
    api.expect(page.locator("#spot-text")).to_have_text(
        re.compile("AU12, .*Seen at the lip corners: .* Without it, happiness would")
    )
    page.locator("#verdict").hover()
    api.expect(page.locator("#frame .edge")).to_have_count(0)
    page.locator("#why [data-unit=AU25]").first.focus()
    api.expect(page.locator("#frame .edge")).to_have_count(2)


@browsing
def test_what_if(page, portrait):
    read(page, portrait)
    before = share(page, "happiness")
    page.get_by_role("button", name="What if…").click()
    group = page.get_by_role("group", name="AU12, what if it were")
    group.get_by_text("off", exact=True).click()
    page.get_by_role("group", name="AU4, what if it were").get_by_text("on", exact=True).click()
    said = page.locator("#whatif-said")
    api.expect(said).to_contain_text("Without AU12 and with AU4 added, happiness would fall")
    assert share(page, "happiness") < before
    assert page.locator("#emotions li", has_text="happiness").locator(".change").inner_text().startswith("−")
    page.get_by_role("button", name="As seen again").click()
    assert share(page, "happiness") == before
    assert not said.is_visible()


@browsing
def test_chat(page, portrait):
    read(page, portrait)
    page.get_by_role("button", name="Why not", exact=False).click()
    api.expect(page.locator(".answer:not(.coming)")).to_contain_text("happiness")
    page.get_by_label("Your question").fill("What do the lips do?")
    page.get_by_label("Your question").press("Enter")
    api.expect(page.locator(".answer:not(.coming)")).to_have_count(2)
    assert "AU25" in page.locator(".answer").last.inner_text()
    assert page.get_by_role("log", name="Questions and answers").is_visible()


@browsing
def test_what_can_be_kept(page, portrait):
    read(page, portrait, "my face.jpg")
    kept = {}
    for format in ("JSON", "CSV", "HTML"):
        with page.expect_download() as download:
            page.get_by_role("button", name=f"({format})").click()
        kept[download.value.suggested_filename] = download.value.path().read_text()
    assert sorted(kept) == ["my face.csv", "my face.html", "my face.json"]
    whole = json.loads(kept["my face.json"])
    assert whole["metadata"]["model"] == "feallm-tiny"
    assert whole["readings"][0]["emotion"] == "happiness"
    assert whole["readings"][0]["explanation"]
    heading, row = kept["my face.csv"].strip().splitlines()
    assert heading.startswith("input,")
    assert row.startswith("my face.jpg,")
    assert kept["my face.html"].lower().startswith("<!doctype html>")


@browsing
def test_what_cannot_be_read_is_said_and_the_next_one_is_read(page, portrait):
    page.set_input_files("#file", {**PHOTO, "buffer": b"this is no picture"})
    api.expect(page.get_by_role("alert")).to_contain_text("me.jpg")
    assert not page.locator("#reading").is_visible()
    blank = encoded(Image.fromarray(data.coffee()).resize((150, 100)))
    page.set_input_files("#file", {**PHOTO, "buffer": blank})
    api.expect(page.locator("#verdict")).to_have_text("No face found")
    assert not page.get_by_role("alert").is_visible()
    assert not page.get_by_role("heading", name="Ask about this face").is_visible()
    read(page, portrait)
    assert page.locator("#verdict").inner_text().startswith("Happiness")


@browsing
def test_too_large_a_file_and_a_server_that_is_gone(page, portrait):
    page.set_input_files("#file", {**PHOTO, "buffer": b"\xff\xd8" + bytes(5_200_000)})
    api.expect(page.get_by_role("alert")).to_contain_text("5 MB")
    page.context.set_offline(True)
    page.set_input_files("#file", {**PHOTO, "buffer": portrait})
    api.expect(page.get_by_role("alert")).to_contain_text("The server does not answer")
    page.context.set_offline(False)


@browsing
def test_several_faces(page, portrait):
    face = np.asarray(Image.open(io.BytesIO(portrait)))
    read(page, encoded(Image.fromarray(np.concatenate([face, face[:, ::-1]], axis=1))))
    group = page.get_by_role("group", name="Choose a face")
    assert group.get_by_role("button").count() == 2
    second = group.get_by_role("button", name="Face 1")
    second.focus()
    page.keyboard.press("Enter")
    assert second.get_attribute("aria-pressed") == "true"
    assert "Face 1" in page.locator("#verdict").inner_text()
    assert page.evaluate("document.activeElement.dataset.face") == "1"
    page.locator(".box.face-0").click()
    assert "Face 0" in page.locator("#verdict").inner_text()


@browsing
def test_drop_and_paste(page, portrait):
    give = """([kind, bytes]) => {
        const held = new DataTransfer();
        held.items.add(new File([new Uint8Array(bytes)], `${kind}.jpg`, { type: "image/jpeg" }));
        const event = kind === "drop" ? new DragEvent(kind, { dataTransfer: held, bubbles: true, cancelable: true })
          : new ClipboardEvent(kind, { clipboardData: held, bubbles: true, cancelable: true });
        document.body.dispatchEvent(event);
    }"""
    for kind in ("drop", "paste"):
        page.evaluate(give, [kind, list(portrait)])
        page.get_by_alt_text(f"The picture {kind}.jpg").wait_for()
        page.get_by_role("heading", name="Keep the result").wait_for()
        assert page.locator("#verdict").inner_text().startswith("Happiness")


@browsing
def test_camera(page):
    page.get_by_role("button", name="Use the camera").click()
    api.expect(page.locator("#rate")).to_contain_text("pictures a second")
    api.expect(page.locator("#verdict")).to_contain_text("Happiness")
    assert not page.locator("#why-part").is_visible()
    page.get_by_role("button", name="Take this picture").click()
    page.get_by_role("heading", name="Keep the result").wait_for()
    assert "AU12" in page.locator("#why").inner_text()
    assert not page.get_by_role("button", name="Stop the camera").is_visible()


@browsing
def test_without_a_mouse(page, portrait):
    def tab_to(role, name):
        wanted = page.get_by_role(role, name=name).first.element_handle()
        for _ in range(60):
            if wanted.evaluate("element => element === document.activeElement"):
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"the {role} {name} cannot be reached by Tab")

    page.reload()
    tab_to("button", "Choose a file")
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files({**PHOTO, "buffer": portrait})
    page.get_by_role("heading", name="Keep the result").wait_for()
    tab_to("button", "What if…")
    page.keyboard.press("Space")
    tab_to("button", "AU12 lip corner puller")
    api.expect(page.locator("#frame .edge")).to_have_count(4)
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowLeft")  # from "as seen" to "off"
    api.expect(page.locator("#whatif-said")).to_contain_text("Without AU12")
    tab_to("button", "Why happiness?")
    page.keyboard.press("Enter")
    api.expect(page.locator(".answer:not(.coming)")).to_contain_text("AU12")


@browsing
def test_on_a_phone(opened, portrait):
    page = opened(viewport={"width": 360, "height": 740}, has_touch=True, is_mobile=True, color_scheme="dark")
    read(page, portrait)
    page.get_by_role("button", name="What if…").tap()
    page.get_by_role("group", name="AU12, what if it were").get_by_text("off", exact=True).tap()
    api.expect(page.locator("#whatif-said")).to_contain_text("Without AU12")
    assert page.evaluate("document.documentElement.scrollWidth") == 360
    for name in ("Choose a file", "Use the camera", "Report (HTML)"):
        assert page.get_by_role("button", name=name).bounding_box()["height"] >= 40


@browsing
def test_a_key_is_asked_for(opened, portrait):
    with running(key="open sesame") as guarded:
        page = opened(guarded.url)
        page.set_input_files("#file", {**PHOTO, "buffer": portrait})
        page.get_by_label("Key (").fill("wrong")
        page.get_by_role("button", name="Go on").click()
        page.get_by_label("Key (").fill("open sesame")
        page.get_by_role("button", name="Go on").click()
        api.expect(page.locator("#verdict")).to_contain_text("Happiness")


@pytest.fixture(scope="module")
def clip(tmp_path_factory, portrait):
    """A video of two seconds: the portrait, then nothing."""
    av = pytest.importorskip("av")
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    face = np.asarray(Image.open(io.BytesIO(portrait)))
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=5)
        stream.width, stream.height, stream.pix_fmt = 160, 160, "yuv420p"
        for number in range(10):
            pixels = face if number < 5 else np.full_like(face, 90)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        container.mux(stream.encode())
    return path


@browsing
def test_a_video_is_read_over_time(page, clip):
    page.set_input_files("#file", clip)
    page.get_by_role("heading", name="Keep the result").wait_for()
    assert "happiness from 0:00.0" in page.get_by_role("img", name="Face 0 over time").get_attribute("aria-label")
    assert "Happiness (AU" in page.locator("#segments li").first.inner_text()
    scrub = page.get_by_label("Moment")
    scrub.fill("1.6")
    api.expect(page.locator("#verdict")).to_have_text("No face found")
    scrub.fill("0.4")
    api.expect(page.locator("#verdict")).to_contain_text("Happiness")
    page.get_by_role("button", name="Look closer at this moment").click()
    api.expect(page.locator("#why")).to_contain_text("AU12")
    assert page.get_by_role("heading", name="Ask about this face").is_visible()
    scrub.fill("0.8")
    api.expect(page.locator("#chat")).to_be_hidden()
    page.get_by_text("All readings as a table").click()
    page.get_by_role("row").nth(5).wait_for()
