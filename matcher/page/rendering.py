"""Templates, and what browsers are told about every page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from hashlib import sha256
from importlib.resources import files
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from matcher.report import wording

# Nothing comes from elsewhere, nothing runs that is not a file of ours. A chosen photo is shown
# by the browser itself (blob:); the one that was searched for comes back inside the page (data:).
POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data: blob:",
        "connect-src 'self'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "base-uri 'none'",
    )
)
SECURITY = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Cache-Control": "no-store",
    "Vary": "Cookie, HX-Request",
}
STATIC = {
    "page.css": "text/css; charset=utf-8",
    "page.js": "text/javascript; charset=utf-8",
    "search.js": "text/javascript; charset=utf-8",
    "review.js": "text/javascript; charset=utf-8",
    "htmx-2.0.11.min.js": "text/javascript; charset=utf-8",
    "htmx-LICENSE.txt": "text/plain; charset=utf-8",
    "icon.svg": "image/svg+xml",
}


class Templates:
    """Templates that escape every value, and refuse names that have none."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("matcher", "page/templates"),
            autoescape=True,
            undefined=StrictUndefined,
            finalize=_clean,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "count": wording.count,
            "plural": wording.plural,
            "score": wording.score,
            "share": wording.share,
            "cut": wording.shorten,
            "moment": write_moment,
            "iso": write_iso,
        }
        self.static = {name: _read(name) for name in STATIC}
        self._environment.globals |= {
            "version": {name: version_of(content) for name, content in self.static.items()},
            "picture_path": picture_path,
        }

    def render(self, template: str, context: Mapping[str, Any]) -> str:
        """Fill a template."""
        return self._environment.get_template(template).render(context)


@cache
def load_templates() -> Templates:
    """All templates; they hold no state, so that every service of a process shares them."""
    return Templates()


def version_of(content: bytes) -> str:
    """Short digest of a file, so that browsers ask anew when it has changed."""
    return sha256(content).hexdigest()[:12]


def picture_path(id: str, size: int) -> str:
    """Path of the picture of a listing, at most ``size`` pixels wide and high."""
    # Browsers take the two for folders, however they are written; routes hold no line breaks.
    if id in (".", "..") or "\n" in id:
        return f"/pictures?id={quote(id, safe='')}&size={size}"
    return f"/pictures/{quote(id, safe='')}?size={size}"


def write_moment(when: datetime) -> str:
    """A time for people, to the minute."""
    return when.astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")


def write_iso(when: datetime) -> str:
    """A time for programs, to the second."""
    return when.astimezone(UTC).isoformat(timespec="seconds")


def _read(name: str) -> bytes:
    return files("matcher.page").joinpath("static", name).read_bytes()


def _clean(value: object) -> object:
    """Drop control characters from every text that is not markup yet."""
    if isinstance(value, str) and not isinstance(value, Markup):
        return wording.clean(value)
    return value
