"""The catalogue in figures."""

from __future__ import annotations

from starlette.responses import Response

from matcher.page.charts import chart_scores, chart_sizes, make_bars
from matcher.page.visits import Visit

# How pages call a kind of decision.
KINDS = {
    "accept": "Same product",
    "reject": "Different products",
    "split": "Split",
    "merge": "Merge",
    "undo": "Undo",
}


class DashboardPage:
    """Figures."""

    def show(self, visit: Visit) -> Response:
        """Listings, clusters, scores and decisions in figures."""
        found = visit.catalog.statistics()
        kinds = [(word, found.decisions.get(kind, 0)) for kind, word in KINDS.items()]
        n_inside = found.n_listings - found.sizes.get(1, 0)
        return visit.render(
            "dashboard.html.j2",
            found=found,
            n_inside=n_inside,
            sizes=chart_sizes(found.sizes),
            scores=chart_scores(found.scores),
            decisions=make_bars([(word, n) for word, n in kinds if n]),
            n_decisions=sum(n for _, n in kinds),
            precision=found.precision,
        )
