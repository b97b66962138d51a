"""The route that asks: which listings are the same product as this?"""

from __future__ import annotations

import asyncio

from fastapi import APIRouter
from starlette.requests import Request

from matcher.serve.answers import MatchAnswer
from matcher.serve.batching import Question
from matcher.serve.documented import problems
from matcher.serve.pictures import check_picture
from matcher.serve.problems import Refused, wrong
from matcher.serve.reading import content_type, read_form, read_json
from matcher.serve.rights import AtTenant, needing
from matcher.serve.values import MatchRequest
from matcher.serve.wording import word_candidate

router = APIRouter(prefix="/v1", route_class=needing("read"), tags=["match"])

_JSON, _FORM = "application/json", "multipart/form-data"
_FORM_SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "title": {"type": "string", "maxLength": 10_000},
        "image": {"type": "string", "format": "binary", "description": "The file."},
        "box": {
            "type": "string",
            "description": "x,y,width,height in pixels.",
            "pattern": r"^\d{1,5},\d{1,5},[1-9]\d{0,4},[1-9]\d{0,4}$",
        },
        "k": {"type": "integer", "minimum": 1, "maximum": 100, "default": 10},
    },
    "examples": [{"title": "red mug 300 ml", "k": 5}],
}
_BODY = {
    "requestBody": {
        "required": True,
        "content": {
            _JSON: {"schema": MatchRequest.model_json_schema()},
            _FORM: {"schema": _FORM_SCHEMA},
        },
    }
}


@router.post(
    "/match",
    response_model=MatchAnswer,
    responses=problems(body=True),
    openapi_extra=_BODY,
    summary="Which listings are the same product?",
)
async def match(request: Request, tenant: AtTenant) -> MatchAnswer:
    """Ask with a title, a picture, or both; the picture is kept nowhere."""
    kind = content_type(request.headers.get("content-type", ""))
    if kind == _JSON:
        asked, content = read_json(await request.body())
    elif kind == _FORM:
        asked, content = await read_form(request)
    else:
        raise Refused(415, f"Send {_JSON} or {_FORM}.")
    if not asked.title.strip() and content is None:
        raise wrong("body", "Give a title, an image, or both")
    if asked.box is not None and content is None:
        raise wrong("body.box", "A box is a part of an image: give the image too")
    picture = None
    if content is not None:
        picture = await asyncio.get_running_loop().run_in_executor(
            request.app.state.decoders,
            check_picture,
            content,
            asked.box,
            request.app.state.settings.max_pixels,
            "body.image",
        )
    question = Question(asked.title, picture, asked.box, asked.k)
    found = await tenant.batcher.ask(question)
    return MatchAnswer(candidates=[word_candidate(candidate) for candidate in found])
