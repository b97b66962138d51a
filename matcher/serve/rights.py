"""Routes that only some keys may use, and what routes ask for."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Annotated, Any, ClassVar

from fastapi import Depends
from fastapi.routing import APIRoute
from starlette.requests import Request
from starlette.responses import Response

from matcher.serve.gate import key_of
from matcher.serve.keys import Key, Right
from matcher.serve.problems import Refused, wrong
from matcher.serve.tenants import Tenant


class RightRoute(APIRoute):
    """A route that needs a right; it is looked at before anything that was sent.

    Query parameters that it does not have, misspelt ones say, are refused.
    """

    needs: ClassVar[Right]

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """As FastAPI's, behind the check."""
        handle = super().get_route_handler()
        known = {parameter.alias for parameter in self.dependant.query_params}

        async def checked(request: Request) -> Response:
            if self.needs not in key_of(request.scope).rights:
                raise Refused(403, f"This key has no right to {self.needs}.", counted_as="right")
            _check_query(request, known)
            return await handle(request)

        return checked


def _check_query(request: Request, known: set[str]) -> None:
    """Refuse query parameters that are unknown or come twice."""
    names = [name for name, _ in request.query_params.multi_items()]
    if not set(names) <= known:
        told = ", ".join(sorted(known)) or "none"
        raise wrong("query", f"A parameter is unknown. Those that there are: {told}")
    if len(set(names)) < len(names):
        raise wrong("query", "A parameter comes twice")


def needing(right: Right) -> type[RightRoute]:
    """Routes that need this right."""
    return type(f"{right.title()}Route", (RightRoute,), {"needs": right})


async def _tenant(request: Request) -> Tenant:
    found: Tenant = request.app.state.tenants[key_of(request.scope).place]
    return found


async def _key(request: Request) -> Key:
    return key_of(request.scope)


AtTenant = Annotated[Tenant, Depends(_tenant)]
WithKey = Annotated[Key, Depends(_key)]
