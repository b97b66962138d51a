"""Routes of clusters, and of the catalogue in figures."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query

from matcher.catalog import ClusterView, Ended
from matcher.serve.answers import ClusterAnswer, ClustersAnswer, StatisticsAnswer
from matcher.serve.documented import problems
from matcher.serve.problems import Refused
from matcher.serve.rights import AtTenant, needing
from matcher.serve.settings import MAX_PAGE
from matcher.serve.tenants import Tenant
from matcher.serve.values import MAX_NUMBER
from matcher.serve.wording import word_cluster, word_statistics

router = APIRouter(prefix="/v1", route_class=needing("read"), tags=["clusters"])

ClusterId = Annotated[int, Path(ge=0, le=MAX_NUMBER, examples=[1])]
Offset = Annotated[int, Query(ge=0, le=1_000_000_000)]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]


@router.get("/clusters", response_model=ClustersAnswer, responses=problems())
def list_clusters(
    tenant: AtTenant,
    min_size: Annotated[int, Query(ge=1, le=1_000_000_000)] = 2,
    offset: Offset = 0,
    limit: Limit = 50,
) -> ClustersAnswer:
    """Clusters, largest first."""
    found = tenant.catalog.clusters(min_size, offset, limit)
    return ClustersAnswer(clusters=[word_cluster(view) for view in found])


@router.get("/clusters/{cluster}", response_model=ClusterAnswer, responses=problems(404, 410))
def show_cluster(cluster: ClusterId, tenant: AtTenant) -> ClusterAnswer:
    """Look at one cluster; one that has ended says where its listings are now."""
    return word_cluster(find_cluster(tenant, cluster))


@router.get("/statistics", response_model=StatisticsAnswer, responses=problems())
def show_statistics(tenant: AtTenant) -> StatisticsAnswer:
    """The catalogue in figures."""
    return word_statistics(tenant.catalog.statistics())


def find_cluster(tenant: Tenant, cluster: int) -> ClusterView:
    """A cluster that lives.

    Raises:
        Refused: If it was never given, or has ended.
    """
    found = tenant.catalog.cluster(cluster)
    if found is None:
        raise Refused(404, "There is no such cluster.")
    if isinstance(found, Ended):
        raise Refused(410, "The cluster has ended.", now=list(found.now))
    return found
