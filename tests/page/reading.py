"""Pages taken apart."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from urllib.parse import urlsplit

VOID = {"meta", "img", "br", "hr", "link", "input"}


class Page(HTMLParser):
    """Elements of a page with what is inside them; nesting must be right."""

    def __init__(self, source: str):
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict, list]] = []
        self.texts: list[str] = []
        self._open: list[int] = []
        self.feed(source)
        self.close()
        assert not self._open, [self.elements[i][0] for i in self._open]

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), []))
        if tag not in VOID:
            self._open.append(len(self.elements) - 1)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), []))

    def handle_endtag(self, tag):
        assert self.elements[self._open[-1]][0] == tag, (tag, self.getpos())
        self._open.pop()

    def handle_data(self, data):
        self.texts.append(data)
        for i in self._open:
            self.elements[i][2].append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split())

    def find(self, tag: str, **attributes) -> list[tuple[dict, str]]:
        """Attributes and text of the elements of that kind."""
        return [
            (has, " ".join("".join(inside).split()))
            for name, has, inside in self.elements
            if name == tag and all(has.get(key) == value for key, value in attributes.items())
        ]

    def value(self, name: str) -> str:
        """Value of the first field of that name."""
        return next(has.get("value", "") for has, _ in self.find("input", name=name))

    @property
    def addresses(self) -> list[str]:
        """Every address that the page names."""
        found = []
        for _, has, _ in self.elements:
            found += [
                has[key] for key in ("href", "src", "action", "hx-get", "hx-post") if has.get(key)
            ]
            found += [part.split()[0] for part in has.get("srcset", "").split(", ") if part]
        return found


def is_own(address: str) -> bool:
    """Whether an address stays on this service."""
    parts = urlsplit(address)
    return (not parts.scheme and not parts.netloc) or parts.scheme == "data"


def styled_inline(page: Page) -> list[str]:
    """What a strict policy forbids: inline styles and handlers, and scripts without a file."""
    found = [name for name, has, _ in page.elements if "style" in has or name == "style"]
    found += [key for _, has, _ in page.elements for key in has if re.match(r"on|hx-on", key)]
    return found + [name for name, has, _ in page.elements if name == "script" and "src" not in has]
