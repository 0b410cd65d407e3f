"""The page about a store: one file, nothing from elsewhere, everything escaped, claims marked where they stand."""

import base64
import io
import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

from feallm.data.build import build
from feallm.data.records import Claims
from feallm.data.store import open_store
from feallm.data.view import data_uri, highlight, spread, write_view
from feallm.settings import SettingsError
from tests.data.stores import FILES, SOURCE, draw_faces, made, recipe

EVIL = '</p><script>alert("x")</script><img src=http://elsewhere/x.png onerror=alert(1)> & AU12.'


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return draw_faces(tmp_path_factory.mktemp("faces") / "data")


@pytest.fixture(autouse=True)
def _data_root(data, monkeypatch):
    monkeypatch.setenv("FEALLM_DATA", str(data))
    monkeypatch.setattr("feallm.data.card.can_plot", lambda: False)  # slow, and tested with the card


class Page(HTMLParser):
    """What a browser would see: tags with their attributes, and the text of articles."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, text):
        self.texts.append(text)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def plant(pairs):
    evil = {"question": EVIL, "answer": EVIL, "claims": Claims(asserted=("AU12",))}
    for record, _ in pairs:
        yield replace(record, turns=tuple(replace(turn, **evil) for turn in record.turns))


def test_a_page_shows_faces_labels_and_conversations(tmp_path):
    store = made(tmp_path / "out", sources=[FILES, SOURCE])
    assert write_view(store, tmp_path / "new" / "view.html", 12) == 12
    page = Page((tmp_path / "new" / "view.html").read_text())
    articles = page.all("article")
    assert len(articles) == 12
    rows = spread(store, 12)
    assert [one["data-family"] for one in articles] == [row["family"] for row in rows]
    assert all(
        set(row["labels"]["emotions"].values()) <= set(one["data-emotions"].split())
        for one, row in zip(articles, rows, strict=True)
    )
    assert all(one["alt"] for one in page.all("img"))
    assert all(one["src"].startswith("data:image/jpeg;base64,") for one in page.all("img"))
    assert page.all("html") == [{"lang": "en"}]
    text = "".join(page.texts)
    for row in rows:
        assert row["turns"][-1]["answer"] in text


def test_nothing_is_loaded_from_elsewhere_and_everything_is_escaped(tmp_path):
    store = build(recipe(tmp_path / "out", name="a-b"), describe=plant)
    write_view(store, tmp_path / "view.html", 5)
    text = (tmp_path / "view.html").read_text()
    page = Page(text)
    assert len(page.all("script")) == 1, "our own"
    assert not [one for one in page.all("img") if not one["src"].startswith("data:")]
    assert not [tag for tag, attributes in page.tags if {"onerror", "onclick"} & set(attributes)]
    assert not {"link", "iframe", "object", "embed"} & {tag for tag, _ in page.tags}
    assert "default-src 'none'" in page.all("meta")[2]["content"]
    assert EVIL in "".join(page.texts), "as text, in full"
    assert not re.search(r"(?:url\(|@import|src=\"http|href=)", text)


def test_claims_are_marked_where_they_stand():
    claims = {"emotion": "happiness", "asserted": ["AU06", "AU12"], "denied": ["AU04"], "causes": ["AU12"]}
    html = highlight("Happiness: AU6 & AU12, without AU4, perhaps AU17.", claims)
    assert re.findall(r'<mark class="(\w+)" title="([^"]+)">([^<]+)</mark>', html) == [
        ("emotion", "happiness: asserted", "Happiness"),
        ("asserted", "AU6 cheek raiser: asserted", "AU6"),
        ("cause", "AU12 lip corner puller: asserted", "AU12"),
        ("denied", "AU4 brow lowerer: denied", "AU4"),
        ("open", "AU17 chin raiser: uncertain", "AU17"),
    ]
    assert " &amp; " in html


def test_a_claim_without_words_is_told(tmp_path):
    def silent(pairs):
        for record, _ in pairs:
            told = replace(record.turns[0], answer="Yes.", claims=Claims("fear", ("AU12",)))
            yield replace(record, turns=(told,))

    store = build(recipe(tmp_path / "out"), describe=silent)
    write_view(store, tmp_path / "view.html", 1)
    assert "not found in the words: fear asserted, AU12 asserted" in (tmp_path / "view.html").read_text()


def test_records_are_spread_over_the_store(tmp_path):
    store = made(tmp_path / "out")
    faces = [int(row["face"][3:]) for row in spread(store, 4)]
    assert faces == [0, 10, 20, 30]
    assert len(spread(store, 1000)) == len(store)
    with pytest.raises(SettingsError, match="1 or more, got 0"):
        write_view(store, tmp_path / "view.html", 0)


def test_pictures_that_are_gone_are_told_in_their_place(tmp_path):
    store = made(tmp_path / "out", sources=[FILES])
    moved = open_store(store.path, tmp_path)
    assert write_view(moved, tmp_path / "view.html") == 0
    assert "No picture found for test/angry/one.png" in (tmp_path / "view.html").read_text()


def test_a_face_is_cut_out_by_its_box_and_made_small():
    pixels = np.zeros((1000, 800, 3), np.uint8)
    pixels[300:500, 100:300] = 200

    def size(box):
        return Image.open(io.BytesIO(base64.b64decode(data_uri(pixels, box).partition(",")[2]))).size

    assert size(None) == (205, 256)
    assert size((100, 300, 200, 200)) == (256, 256)
    assert size((790, 990, 100, 100)) == (35, 35)
    assert size((5000, 5000, 10, 10)) == (205, 256), "a box outside the picture cuts nothing"
