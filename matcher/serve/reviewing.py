"""Routes of review: what a person should look at, and what was decided."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Body, Path, Query

from matcher.serve.answers import Decided, DecisionsAnswer, ReviewAnswer
from matcher.serve.clusters import Limit, Offset, find_cluster
from matcher.serve.documented import problems
from matcher.serve.keys import Key
from matcher.serve.problems import Refused, wrong
from matcher.serve.rights import AtTenant, WithKey, needing
from matcher.serve.tenants import Tenant
from matcher.serve.values import (
    MAX_NUMBER,
    Accept,
    DecisionRequest,
    Merge,
    Reject,
    Said,
    Split,
)
from matcher.serve.wording import word_decisions, word_review

router = APIRouter(prefix="/v1", route_class=needing("review"), tags=["review"])


@router.get("/review", response_model=ReviewAnswer, responses=problems())
def list_review(tenant: AtTenant, n: Annotated[int, Query(ge=1, le=200)] = 20) -> ReviewAnswer:
    """Clusters that hang by a weak edge, weakest first, those accepted left out."""
    return word_review(tenant.catalog.review(n))


@router.get("/decisions", response_model=DecisionsAnswer, responses=problems())
def list_decisions(tenant: AtTenant, offset: Offset = 0, limit: Limit = 50) -> DecisionsAnswer:
    """What was decided, newest first, undone decisions and undos included."""
    return word_decisions(tenant.catalog.decisions(), offset, limit)


@router.post(
    "/decisions",
    response_model=Decided,
    status_code=201,
    responses=problems(404, 409, 410, 507, body=True),
)
async def decide(sent: DecisionRequest, tenant: AtTenant, key: WithKey) -> Decided:
    """Accept or split a cluster, merge several, or say that two listings differ."""
    return Decided(number=await tenant.write(_decide, tenant, sent, key))


@router.post(
    "/decisions/{number}/undo",
    response_model=Decided,
    status_code=201,
    responses=problems(404, 409, 507, body=True),
)
async def undo(
    number: Annotated[int, Path(ge=0, le=MAX_NUMBER, examples=[1])],
    tenant: AtTenant,
    key: WithKey,
    sent: Annotated[Said | None, Body()] = None,
) -> Decided:
    """Take a decision back; an undo is a decision too, and can be undone."""
    said = sent or Said()
    return Decided(
        number=await tenant.write(_undo, tenant, number, said.who or key.name, said.note)
    )


def _decide(tenant: Tenant, sent: Accept | Reject | Split | Merge, key: Key) -> int:
    """Record a decision; in the thread that writes, so that what is checked still holds."""
    catalog, who = tenant.catalog, sent.who or key.name
    if isinstance(sent, Accept):
        find_cluster(tenant, sent.cluster)
        return catalog.accept(sent.cluster, who, sent.note)
    if isinstance(sent, Reject):
        _check_pair(tenant, sent)
        return catalog.reject(sent.left, sent.right, who, sent.note)
    if isinstance(sent, Split):
        members = find_cluster(tenant, sent.cluster).ids
        if not set(sent.out) < set(members):
            raise wrong("body.out", "Name some listings of the cluster, not all")
        return catalog.split(sent.cluster, list(dict.fromkeys(sent.out)), who, sent.note)
    if len(set(sent.clusters)) < 2:
        raise wrong("body.clusters", "Name two clusters or more")
    for cluster in sent.clusters:
        find_cluster(tenant, cluster)
    return catalog.merge(list(dict.fromkeys(sent.clusters)), who, sent.note)


def _check_pair(tenant: Tenant, sent: Reject) -> None:
    if sent.left == sent.right:
        raise wrong("body.right", "Name two listings")
    if any(tenant.catalog.cluster_of(id) is None for id in (sent.left, sent.right)):
        raise Refused(404, "There is no such listing.")


def _undo(tenant: Tenant, number: int, who: str, note: str) -> int:
    if number not in {decision.number for decision in tenant.catalog.decisions()}:
        raise Refused(404, "There is no such decision.")
    return tenant.catalog.undo(number, who, note)
