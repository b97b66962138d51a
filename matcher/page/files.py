"""Pictures of listings, and the files that pages are shown with."""

from __future__ import annotations

from anyio import CapacityLimiter, to_thread
from starlette.responses import Response

from matcher.errors import DataError
from matcher.page.errors import PageError
from matcher.page.forms import whole_number
from matcher.page.rendering import SECURITY, STATIC, version_of
from matcher.page.thumbnails import SIZES, Thumbnail, placeholder
from matcher.page.visits import Visit

# Decoding takes memory: a picture may have 64 million pixels.
N_DECODERS = 2
_YEAR = 365 * 24 * 3600
_PICTURE_POLICY = {"Content-Security-Policy": "default-src 'none'; sandbox"}


class FilePages:
    """What pages refer to."""

    def __init__(self) -> None:
        self._decoders: CapacityLimiter | None = None

    async def picture(self, visit: Visit) -> Response:
        """Thumbnail of a listing; never its file."""
        if self._decoders is None:  # it belongs to the loop that is running
            self._decoders = CapacityLimiter(N_DECODERS)
        return await to_thread.run_sync(_picture, visit, limiter=self._decoders)

    def static(self, visit: Visit) -> Response:
        """One of our own files."""
        name = visit.request.path_params["name"]
        content = visit.site.templates.static.get(name)
        if content is None:
            raise PageError(404, "There is no such file.")
        version = version_of(content)
        lasting = f"public, max-age={_YEAR}, immutable"
        caching = lasting if visit.asked("v") == version else "no-cache"
        headers = {**SECURITY, "Cache-Control": caching, "ETag": f'"{version}"'}
        del headers["Vary"]
        return Response(content, media_type=STATIC[name], headers=headers)


def _picture(visit: Visit) -> Response:
    id = visit.request.path_params.get("id") or visit.asked("id")
    asked = whole_number(visit.asked("size"))
    size = asked if asked in SIZES else SIZES[1]
    try:
        kept = visit.catalog.listings([id])
    except DataError:
        return _send(placeholder("No such listing"), 404)
    tag = f'"{visit.site.thumbnails.tag(kept, size)}"'
    if visit.request.headers.get("if-none-match") == tag:
        return Response(status_code=304, headers=_headers(tag))
    return _send(visit.site.thumbnails.make(kept, size))


def _send(found: Thumbnail, status: int = 200) -> Response:
    return Response(found.content, status, _headers(f'"{found.tag}"'), found.media)


def _headers(tag: str) -> dict[str, str]:
    # Asked for anew each time, which costs little: another visitor may have signed in.
    caching = {"Cache-Control": "private, no-cache", "Vary": "Cookie", "ETag": tag}
    return {**SECURITY, **_PICTURE_POLICY, **caching}
