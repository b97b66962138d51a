"""Routes of listings: add, remove, look at, and their pictures."""

from __future__ import annotations

import asyncio
from typing import Annotated

from fastapi import APIRouter, Path, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from matcher.errors import DataError
from matcher.serve.answers import ChangedAnswer, ListingAnswer
from matcher.serve.documented import problems
from matcher.serve.pictures import check_picture, from_base64, read_picture
from matcher.serve.problems import Refused, wrong
from matcher.serve.rights import AtTenant, needing
from matcher.serve.tenants import Tenant
from matcher.serve.values import AddRequest, Id, NewListing
from matcher.serve.wording import word_changed, word_listing
from matcher.serve.writing import Prepared
from matcher.store import KeptListings

writing = APIRouter(prefix="/v1", route_class=needing("write"), tags=["listings"])
reading = APIRouter(prefix="/v1", route_class=needing("read"), tags=["listings"])

ListingId = Annotated[Id, Path(examples=["shop-1"])]


@writing.post(
    "/listings",
    response_model=ChangedAnswer,
    responses=problems(409, 507, body=True),
    status_code=200,
)
async def add_listings(sent: AddRequest, request: Request, tenant: AtTenant) -> ChangedAnswer:
    """Keep listings, all or none; one whose id is there already takes its place."""
    ids = [one.id for one in sent.listings]
    if len(set(ids)) < len(ids):
        raise wrong("body.listings", "An id comes twice")
    prepared = [await _prepare(one, i, request) for i, one in enumerate(sent.listings)]
    return word_changed(await tenant.write(tenant.writer.add, prepared))


async def _prepare(one: NewListing, place: int, request: Request) -> Prepared:
    """Check one listing and its picture, before any is written."""
    where = f"body.listings.{place}"
    if not one.title.strip() and one.image is None:
        raise wrong(where, "Give a title, an image, or both")
    if one.image is None:
        if one.box is not None:
            raise wrong(f"{where}.box", "A box is a part of an image: give the image too")
        return Prepared(one.id, one.title, None, None, one.extra)
    content = from_base64(one.image, f"{where}.image")
    state = request.app.state
    picture = await asyncio.get_running_loop().run_in_executor(
        state.decoders, check_picture, content, one.box, state.settings.max_pixels, f"{where}.image"
    )
    return Prepared(one.id, one.title, picture, one.box, one.extra)


@writing.delete("/listings/{id:path}", response_model=ChangedAnswer, responses=problems(404, 507))
async def remove_listing(id: ListingId, tenant: AtTenant) -> ChangedAnswer:
    """Remove a listing, and its picture where no other listing shows it."""
    changed = await tenant.write(tenant.writer.remove, [id])
    if not changed.removed:
        raise _no_listing()
    return word_changed(changed)


@reading.get("/listings/{id:path}", response_model=ListingAnswer, responses=problems(404))
def show_listing(id: ListingId, tenant: AtTenant) -> ListingAnswer:
    """Look at one listing."""
    kept, cluster = _find(tenant, id)
    return word_listing(kept, cluster)


@reading.get(
    "/pictures/{id:path}",
    responses={
        **problems(404),
        200: {"content": {"image/*": {"schema": {"type": "string", "format": "binary"}}}},
    },
    response_class=Response,
)
async def show_picture(id: ListingId, tenant: AtTenant) -> Response:
    """The picture of a listing, as it was sent."""
    kept, _ = await run_in_threadpool(_find, tenant, id)
    found = await run_in_threadpool(read_picture, kept.images[0] if kept.images else None)
    if found is None:
        raise Refused(404, "The listing has no picture that can be read.")
    kind, content = found
    return Response(content, media_type=kind, headers={"Content-Disposition": "inline"})


def _find(tenant: Tenant, id: str) -> tuple[KeptListings, int]:
    """A listing and its cluster."""
    cluster = tenant.catalog.cluster_of(id)
    if cluster is None:
        raise _no_listing()
    try:
        return tenant.catalog.listings([id]), cluster
    except DataError:  # it was removed meanwhile
        raise _no_listing() from None


def _no_listing() -> Refused:
    return Refused(404, "There is no such listing.")
