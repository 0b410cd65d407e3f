"""A report as a parser sees it: elements with attributes, texts, parents; tables by caption."""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import numpy as np
from PIL import Image

VOID = {"meta", "img", "link", "br", "hr", "input"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str | None]
    parent: Element | None = None
    children: list[Element] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """All text in it, in order of its own parts."""
        return "".join(part if isinstance(part, str) else part.text for part in self.parts)

    parts: list[Element | str] = field(default_factory=list)

    @property
    def classes(self) -> set[str]:
        return set((self.attributes.get("class") or "").split())

    def walk(self):
        for child in self.children:
            yield child
            yield from child.walk()

    def all(self, tag: str, kind: str | None = None) -> list[Element]:
        return [each for each in self.walk() if each.tag == tag and (kind is None or kind in each.classes)]

    def within(self, kind: str) -> Element | None:
        """The nearest element around it of a class."""
        at = self.parent
        while at is not None and kind not in at.classes:
            at = at.parent
        return at


class Page(HTMLParser):
    """The whole page; `root` holds its elements."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.root = self._at = Element("", {})
        self.source = text
        self.feed(text)
        self.close()
        assert self._at is self.root, f"<{self._at.tag}> is never closed"

    def handle_starttag(self, tag, attributes):
        assert len({name for name, _ in attributes}) == len(attributes), f"an attribute twice in <{tag}>"
        element = Element(tag, dict(attributes), self._at)
        self._at.children.append(element)
        self._at.parts.append(element)
        if tag not in VOID:
            self._at = element

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self._at.tag == tag, f"</{tag}> closes <{self._at.tag}>"
        self._at = self._at.parent

    def handle_data(self, data):
        self._at.parts.append(data)

    def all(self, tag, kind=None):
        return self.root.all(tag, kind)

    @property
    def ids(self) -> dict[str, Element]:
        found: dict[str, Element] = {}
        for element in self.root.walk():
            name = element.attributes.get("id")
            if name is not None:
                assert name not in found, f"the id {name} is there twice"
                found[name] = element
        return found

    @property
    def style(self) -> str:
        return "".join(element.text for element in self.all("style"))

    def table(self, caption: str) -> list[list[str]]:
        (found,) = [table for table in self.all("table") if table.all("caption")[0].text == caption]
        return [[cell.text.strip() for cell in row.children] for row in found.all("tr")]

    def pictures(self) -> list[np.ndarray]:
        """Every picture that the file holds anywhere, decoded."""
        found = re.findall(r"data:image/[a-z+]+;base64,([A-Za-z0-9+/=]+)", self.source)
        assert len(found) == self.source.count("data:image")
        return [np.asarray(Image.open(io.BytesIO(base64.b64decode(each))).convert("RGB")) for each in found]
