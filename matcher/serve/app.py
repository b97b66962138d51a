"""The application: routes behind the gate, behind the frame."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from matcher.catalog import Catalog
from matcher.page import page_router, render_error
from matcher.serve import clusters, health, listings, matching, reviewing
from matcher.serve.documented import describe
from matcher.serve.frame import Frame
from matcher.serve.gate import PREFIX, Gate
from matcher.serve.keys import Keys
from matcher.serve.metrics import Metrics
from matcher.serve.pages import PageService
from matcher.serve.problems import Refused, invalid
from matcher.serve.settings import ServeSettings
from matcher.serve.slots import Slots
from matcher.serve.tenants import Tenants
from matcher.serve.writing import References

# Below /v1 a key is asked for. What is for people, not programs, joins here under another path
# and brings its own Content-Security-Policy and its own way to know who is there.
ROUTERS = (
    matching.router,
    listings.writing,
    listings.reading,
    clusters.router,
    reviewing.router,
    health.router,
)


@dataclass(slots=True)
class Running:
    """Whether the service has begun and does not yet stop."""

    ready: bool = False


def make_app(
    catalogs: Mapping[str, Catalog],
    keys: Keys,
    settings: ServeSettings | None = None,
    *,
    images: Path | None = None,
    references: Mapping[str, References] | None = None,
) -> FastAPI:
    """Build the service.

    Args:
        catalogs: Open catalogues by place; they are closed when the application ends.
        keys: Who may ask what.
        settings: Limits; None for the usual ones.
        images: Folder of the pictures that clients send to catalogues in PostgreSQL.
        references: What gives the references of all pictures that a catalogue shows, by place,
            where the catalogue is kept elsewhere than in a store.

    Raises:
        ConfigError: If a catalogue in PostgreSQL has no folder for pictures.
    """
    settings, metrics = settings or ServeSettings(), Metrics()
    tenants = Tenants(catalogs, settings, metrics, images, references or {})
    app = FastAPI(
        title="matcher", docs_url=None, redoc_url=None, lifespan=_lifespan, version=_version()
    )
    app.state.settings, app.state.metrics, app.state.tenants = settings, metrics, tenants
    app.state.running, app.state.slots = Running(), Slots(settings, metrics)
    app.state.decoders = ThreadPoolExecutor(settings.decoders, thread_name_prefix="decoders")
    decoders, slots = app.state.decoders, app.state.slots
    pages = PageService(keys, settings, tenants, slots, metrics, decoders)
    for router in (*ROUTERS, page_router(pages)):
        app.include_router(router)
    app.openapi = lambda: describe(app)  # type: ignore[method-assign]
    app.add_exception_handler(RequestValidationError, _refuse_request)
    app.add_exception_handler(HTTPException, _refuse)
    app.add_middleware(Gate, keys=keys, settings=settings, slots=app.state.slots)
    app.add_middleware(Frame, metrics=metrics)
    return app


@asynccontextmanager
async def _lifespan(app: FastAPI) -> AsyncIterator[None]:
    app.state.running.ready = True
    try:
        yield
    finally:
        app.state.running.ready = False
        app.state.decoders.shutdown(wait=True)
        app.state.tenants.close()


async def _refuse_request(request: Request, error: Any) -> Response:
    """What FastAPI finds wrong with a request, as a problem."""
    faults = error.errors()
    if any(fault["type"] == "json_invalid" for fault in faults):
        raise Refused(400, "The body is not JSON.") from None
    raise invalid(faults) from None


async def _refuse(request: Request, error: Any) -> Response:
    """What the router refuses, as a problem."""
    told = {404: "There is no such path.", 405: "This path has other methods; see Allow."}
    detail = told.get(error.status_code, "The request cannot be read.")
    if not _below(request.url.path, PREFIX) and "text/html" in request.headers.get("accept", ""):
        return render_error(request, error.status_code, detail, error.headers)
    raise Refused(error.status_code, detail, headers=error.headers) from None


def _below(path: str, prefix: str) -> bool:
    return path == prefix or path.startswith(f"{prefix}/")


def _version() -> str:
    from importlib.metadata import version

    return version("matcher")
