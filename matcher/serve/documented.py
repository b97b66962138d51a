"""The description of the interface: every answer of every route, errors included."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from matcher.serve.problems import MEDIA_TYPE, Fault, Problem

WHY = {
    400: "The request cannot be read.",
    401: "No key, or none that there is.",
    403: "The key lacks the right.",
    404: "There is no such thing in this catalogue.",
    405: "The route has other methods.",
    408: "The request came too slowly.",
    409: "It contradicts what was decided before.",
    410: "The cluster has ended; `now` says where its listings are.",
    413: "The request is too large.",
    415: "The route takes another kind of content.",
    422: "The request is not as described; `errors` says where.",
    429: "The key came too often; see Retry-After.",
    503: "Too busy, or the catalogue cannot be used just now; see Retry-After.",
    507: "There is no room left; nothing was changed.",
}
ALWAYS = (401, 403, 422, 429, 503)
WITH_BODY = (400, 408, 413, 415)
_TEXT = (
    "Find listings of the same product from their pictures and titles. A key goes into the header "
    "`Authorization: Bearer KEY`. Every error is a problem (RFC 9457) with the id of the request."
)


def problems(*statuses: int, body: bool = False) -> dict[int | str, dict[str, Any]]:
    """Errors of a route, beside those that all have."""
    every = {*ALWAYS, *statuses, *(WITH_BODY if body else ())}
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    found: dict[int | str, dict[str, Any]] = {}
    for status in sorted(every):
        found[status] = {"description": WHY[status], "content": content}
        if status in (429, 503):
            retry = {"description": "Seconds to wait.", "schema": {"type": "integer", "minimum": 1}}
            found[status]["headers"] = {"Retry-After": retry}
    return found


def describe(app: FastAPI) -> dict[str, Any]:
    """OpenAPI of the service, made once."""
    if app.openapi_schema is None:
        found = get_openapi(
            title="matcher",
            version=app.version,
            description=_TEXT,
            routes=app.routes,
        )
        parts = found.setdefault("components", {})
        template = "#/components/schemas/{model}"
        for model in (Problem, Fault):
            schema = model.model_json_schema(ref_template=template)
            schema.pop("$defs", None)
            parts.setdefault("schemas", {})[model.__name__] = schema
        parts["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        for path, operations in found["paths"].items():
            if path.startswith("/v1"):
                for operation in operations.values():
                    operation["security"] = [{"key": []}]
        app.openapi_schema = found
    return app.openapi_schema


def inlined(model: Any) -> dict[str, Any]:
    """Schema of a body that FastAPI does not read by itself."""
    schema: dict[str, Any] = model.model_json_schema()
    return schema
