"""``matcher catalog``: catalogues that last."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

import typer

from matcher.cli import options as o
from matcher.cli.app import app
from matcher.cli.show import progress_bars, say
from matcher.errors import ConfigError, DataError

if TYPE_CHECKING:
    from matcher.types import Listings

catalog = typer.Typer(
    name="catalog",
    help="Catalogues that last: add, remove, ask, decide. Cluster ids stay as they grow.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
app.add_typer(catalog)

Place: TypeAlias = Annotated[
    str,
    typer.Argument(
        metavar="CATALOG", help="Its folder, or postgresql://HOST/DATABASE?schema=NAME."
    ),
]
Who: TypeAlias = Annotated[
    str | None, typer.Option(metavar="NAME", help="Who decides; by default the login name.")
]
Note: TypeAlias = Annotated[str, typer.Option(metavar="TEXT", help="Kept with the decision.")]
Json: TypeAlias = Annotated[bool, typer.Option("--json", help="Print JSON instead of text.")]


@catalog.command()
@o.reads(read=o.WITH_LABELS)
def create(
    read: o.Reader,
    place: Place,
    listings: o.Table,
    images: o.Images = None,
    encoders: o.Encoders = None,
    config: o.Config = None,
    no_cache: o.NoCache = False,
    as_json: Json = False,
) -> None:
    """Make a catalogue of a table of listings.

    Encoders learn from these listings and stay as they are until 'rebuild'. What of the config
    looks at the whole table (blending, re-ranking, at_least_two) is left out, and it says so.
    """
    from matcher.catalog import create_catalog
    from matcher.cli.catalog_show import show_created
    from matcher.jobs.steps import resolve_config

    with progress_bars():
        settings = resolve_config(config, encoders, not no_cache)
        made = create_catalog(place, read(listings, images), config=settings)
    with made:
        show_created(made, as_json)


@catalog.command()
@o.reads(read=o.WITH_LABELS)
def add(
    read: o.Reader,
    place: Place,
    listings: o.Table,
    images: o.Images = None,
    as_json: Json = False,
) -> None:
    """Add the listings of a table, all of them or none.

    Those that are there with the same content are left alone; those that are there with other
    content take their own place.
    """
    from matcher.catalog import open_catalog
    from matcher.cli.catalog_show import show_changed

    with open_catalog(place) as opened, progress_bars():
        changed = opened.add(read(listings, images))
    show_changed(changed, as_json)


@catalog.command()
def remove(
    place: Place,
    ids: Annotated[list[str] | None, typer.Argument(metavar="ID…", help="Of listings.")] = None,
    from_file: Annotated[
        Path | None, typer.Option("--from", metavar="FILE", help="Text with an id on each line.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Remove listings for good; decisions about them stay."""
    from matcher.catalog import open_catalog
    from matcher.cli.catalog_show import show_changed

    named = [*(ids or []), *([] if from_file is None else _read_ids(from_file))]
    if not named:
        raise ConfigError("Name the listings to remove: ids, or --from FILE with one on each line.")
    with open_catalog(place) as opened:
        changed = opened.remove(named)
    show_changed(changed, as_json)


@catalog.command()
def query(
    place: Place,
    title: Annotated[str | None, typer.Option(metavar="TEXT", help="Title to search for.")] = None,
    image: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Picture to search for.")
    ] = None,
    box: Annotated[
        str | None, typer.Option(metavar="X,Y,W,H", help="Part of the picture, in pixels.")
    ] = None,
    k: Annotated[int, typer.Option("-k", min=1, help="Listings to print.")] = 10,
    as_json: Json = False,
) -> None:
    """Ask whether the catalogue has a listing already: the closest, best first."""
    from matcher.catalog import open_catalog
    from matcher.cli.catalog_show import show_candidates

    asked = _one_listing(title, image, box)
    with open_catalog(place) as opened, progress_bars():
        found = opened.query(asked, k)[0]
    show_candidates(found, as_json)


@catalog.command()
def show(
    place: Place,
    what: Annotated[
        str | None,
        typer.Argument(metavar="[CLUSTER|ID]", help="A number is a cluster; else a listing's id."),
    ] = None,
    is_id: Annotated[
        bool, typer.Option("--id", help="Take a number as the id of a listing.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Show a cluster, the cluster of a listing, or the catalogue in numbers."""
    from matcher.catalog import open_catalog
    from matcher.cli import catalog_show

    with open_catalog(place) as opened:
        if what is None:
            catalog_show.show_statistics(opened, as_json)
            return
        number = int(what) if what.isdecimal() and what.isascii() and not is_id else None
        if number is None:
            number = opened.cluster_of(what)
            if number is None:
                raise DataError(f"The catalogue has no listing {what!r}.")
        view = opened.cluster(number)
    if view is None:
        raise DataError(f"There never was a cluster {number}. A listing's id: --id {number}.")
    catalog_show.show_cluster(view, as_json)


@catalog.command()
def review(
    place: Place,
    n: Annotated[int, typer.Option("-n", min=1, help="Clusters to print.")] = 20,
    as_json: Json = False,
) -> None:
    """List the clusters that hang by the weakest edges, for a person to accept or split."""
    from matcher.catalog import open_catalog
    from matcher.cli.catalog_show import show_review

    with open_catalog(place) as opened:
        show_review(opened, opened.review(n), as_json)


@catalog.command()
def decide(
    place: Place,
    kind: Annotated[str, typer.Argument(metavar="accept|reject|split|merge")],
    about: Annotated[
        list[str],
        typer.Argument(
            metavar="…",
            help="accept CLUSTER; reject ID ID; split CLUSTER ID… (they leave); "
            "merge CLUSTER CLUSTER…",
        ),
    ],
    who: Who = None,
    note: Note = "",
) -> None:
    """Decide about clusters or listings, once and for all (or until 'undo').

    **accept**: all listings of a cluster are the same. **reject**: two listings are different.
    **split**: some listings of a cluster are one product, and not that of the rest. **merge**:
    all listings of several clusters are the same.
    """
    from matcher.catalog import open_catalog
    from matcher.cli.catalog_show import show_decided

    with open_catalog(place) as opened:
        name = who or _login()
        if kind == "accept" and len(about) == 1:
            number = opened.accept(_number(about[0]), name, note)
        elif kind == "reject" and len(about) == 2:
            number = opened.reject(about[0], about[1], name, note)
        elif kind == "split" and len(about) > 1:
            number = opened.split(_number(about[0]), about[1:], name, note)
        elif kind == "merge" and len(about) > 1:
            number = opened.merge([_number(one) for one in about], name, note)
        else:
            raise ConfigError(
                "Decisions are: accept CLUSTER; reject ID ID; split CLUSTER ID…; "
                f"merge CLUSTER CLUSTER…. Received: {' '.join([kind, *about])}."
            )
        show_decided(opened, number)


@catalog.command()
def undo(
    place: Place,
    number: Annotated[int, typer.Argument(metavar="N", help="Number of the decision.")],
    who: Who = None,
    note: Note = "",
) -> None:
    """Take back a decision; it stays on record, and the undo may be undone."""
    from matcher.catalog import open_catalog
    from matcher.cli.catalog_show import show_decided

    with open_catalog(place) as opened:
        show_decided(opened, opened.undo(number, who or _login(), note))


@catalog.command()
def rebuild(place: Place, config: o.Config = None, as_json: Json = False) -> None:
    """Let encoders learn anew from the listings that are there, and find all anew.

    Cluster ids live on, decisions hold, removed listings stay away.
    """
    from matcher.catalog import open_catalog
    from matcher.cli.catalog_show import show_created

    with open_catalog(place) as opened:
        with progress_bars():
            opened.rebuild(config)
        show_created(opened, as_json)


@catalog.command()
def export(
    place: Place,
    out: o.Out = Path("matcher-out"),
) -> None:
    """Write clusters.csv, pairs.csv, decisions.csv and events.csv, safe for a spreadsheet.

    decisions.csv is what --decisions of 'matcher dedupe' and --pairs of 'matcher tune' read;
    decisions about listings that are not there are in waiting.csv, if there are any.
    """
    from matcher.catalog import open_catalog

    with open_catalog(place) as opened:
        written = opened.export(out)
    say(f"Written to {out}: {', '.join(path.name for path in written)}.")


def _one_listing(title: str | None, image: Path | None, box: str | None) -> Listings:
    from matcher.cli.finding import _parse_box
    from matcher.jobs.lookup import _query

    return _query(image, title, _parse_box(box))


def _read_ids(path: Path) -> list[str]:
    """Ids, one a line; blank lines are passed over."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataError(f"Cannot read the ids in {path}: {reason}.") from error
    return [line.strip() for line in text.splitlines() if line.strip()]


def _number(text: str) -> int:
    if not (text.isascii() and text.isdecimal()):
        raise ConfigError(f"A cluster is a number, as 'show' prints it. Received: {text!r}.")
    return int(text)


def _login() -> str:
    from getpass import getuser

    try:
        return getuser()
    except (OSError, KeyError) as error:
        raise ConfigError("Nobody is logged in by name. Say who decides: --who NAME.") from error
