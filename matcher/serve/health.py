"""Routes for those who run the service; no key is asked for, and nothing of a catalogue is told."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.responses import Response

from matcher.serve.answers import Health
from matcher.serve.documented import WHY
from matcher.serve.problems import MEDIA_TYPE, busy

router = APIRouter(tags=["health"])

_NOT_READY: dict[int | str, dict[str, Any]] = {
    503: {
        "description": WHY[503],
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
}
_TEXT: dict[int | str, dict[str, Any]] = {
    200: {"content": {"text/plain": {"schema": {"type": "string"}}}}
}


@router.get("/healthz", response_model=Health)
async def healthz() -> Health:
    """Whether the process runs."""
    return Health(status="ok")


@router.get("/readyz", response_model=Health, responses=_NOT_READY)
async def readyz(request: Request) -> Health:
    """Whether requests should be sent here: not before all is loaded, nor while stopping."""
    if not request.app.state.running.ready:
        raise busy("The service starts or stops.", request.app.state.settings.retry_seconds)
    return Health(status="ok")


@router.get("/metrics", response_class=Response, responses=_TEXT)
async def metrics(request: Request) -> Response:
    """Counts and times, for Prometheus."""
    content = request.app.state.metrics.text()
    return Response(content, media_type="text/plain; version=0.0.4; charset=utf-8")
