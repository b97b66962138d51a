"""Options that several commands share."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from functools import wraps
from inspect import Parameter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeAlias

import typer

if TYPE_CHECKING:
    from matcher.types import Listings

TABLE = "The table"
RUN = "The run"
RIGHT = "The right table, where its columns are named otherwise"

Table: TypeAlias = Annotated[
    Path,
    typer.Argument(
        metavar="LISTINGS",
        help="CSV or Parquet table, or a folder with one folder of pictures per product.",
    ),
]
Images: TypeAlias = Annotated[
    Path | None,
    typer.Option(metavar="PATH", help="Folder or zip that holds the pictures named in the table."),
]
RightImages: TypeAlias = Annotated[
    Path | None, typer.Option(metavar="PATH", help="The same for RIGHT; else as LEFT.")
]
Encoders: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="A,B",
        help="Use only these: modalities of the config, or encoders (tfidf, phash, image, bert, "
        "efficientnet, mobilenet).",
        rich_help_panel=RUN,
    ),
]
Config: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="YAML settings; 'matcher config' prints the default ones.",
        rich_help_panel=RUN,
    ),
]
NoCache: TypeAlias = Annotated[
    bool,
    typer.Option(
        "--no-cache",
        help="Encode all anew and keep nothing; 'matcher cache' says what earlier runs have kept.",
        rich_help_panel=RUN,
    ),
]
Decisions: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Table of pairs that a person has decided: id_left, id_right, decision (same or "
        "different).",
        rich_help_panel=RUN,
    ),
]
Out: TypeAlias = Annotated[Path, typer.Option(metavar="DIR", help="Folder to write to.")]
AsJson: TypeAlias = Annotated[
    bool, typer.Option("--json", help="Print the report as JSON instead of text.")
]


def _column(what: str, *names: str, panel: str = TABLE) -> typer.models.OptionInfo:
    option: typer.models.OptionInfo = typer.Option(
        *names,
        metavar="COLUMN",
        help=f"Column of the {what}; else detected.",
        rich_help_panel=panel,
    )
    return option


Id: TypeAlias = Annotated[str | None, _column("unique ids")]
Title: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN[,…]",
        help="Column of the titles, or several to join; else detected.",
        rich_help_panel=TABLE,
    ),
]
Image: TypeAlias = Annotated[str | None, _column("picture names")]
Phash: TypeAlias = Annotated[str | None, _column("perceptual hashes (16 hex digits)")]
Group: TypeAlias = Annotated[str | None, _column("true products, where labelled")]
Box: TypeAlias = Annotated[
    str | None,
    typer.Option(
        metavar="X,Y,W,H",
        help="Four columns: the product's part of its picture, in pixels; else detected.",
        rich_help_panel=TABLE,
    ),
]
RightId: TypeAlias = Annotated[str | None, _column("unique ids", panel=RIGHT)]
RightTitle: TypeAlias = Annotated[str | None, _column("titles", panel=RIGHT)]
RightImage: TypeAlias = Annotated[str | None, _column("picture names", panel=RIGHT)]
RightPhash: TypeAlias = Annotated[str | None, _column("perceptual hashes", panel=RIGHT)]
RightBox: TypeAlias = Annotated[str | None, _column("boxes (X,Y,W,H)", panel=RIGHT)]
# Where --title and --image are what to search for.
IdColumn: TypeAlias = Annotated[str | None, _column("unique ids", "--id-column")]
TitleColumn: TypeAlias = Annotated[str | None, _column("titles", "--title-column")]
ImageColumn: TypeAlias = Annotated[str | None, _column("picture names", "--image-column")]
Encoding: TypeAlias = Annotated[
    str, typer.Option(help="Encoding of a CSV file.", rich_help_panel=TABLE)
]
Delimiter: TypeAlias = Annotated[
    str | None,
    typer.Option(help="What separates the cells of a CSV file.", rich_help_panel=TABLE),
]
DuplicateIds: TypeAlias = Annotated[
    str,
    typer.Option(
        metavar="error|first",
        help="What to do where an id occurs twice: stop, or keep the first row.",
        rich_help_panel=TABLE,
    ),
]

Command: TypeAlias = Callable[..., None]
# The options of a table's columns, by parameter; what they hold is the name after "right_".
WITH_LABELS: Mapping[str, Any] = {
    "id": Id,
    "title": Title,
    "image": Image,
    "phash": Phash,
    "group": Group,
    "box": Box,
}
COLUMNS = {name: option for name, option in WITH_LABELS.items() if name != "group"}
RIGHT_COLUMNS: Mapping[str, Any] = {
    "right_id": RightId,
    "right_title": RightTitle,
    "right_image": RightImage,
    "right_phash": RightPhash,
    "right_box": RightBox,
}
QUERIED_COLUMNS: Mapping[str, Any] = {
    "id": IdColumn,
    "title": TitleColumn,
    "image": ImageColumn,
    "phash": Phash,
}


class Reader:
    """Reads tables by the options given.

    Args:
        encoding: Encoding of CSV files.
        delimiter: Delimiter of CSV files; None to detect it.
        duplicate_ids: "error" or "first".
        **columns: Names of columns by what they hold; None to detect them.
    """

    def __init__(
        self, encoding: str, delimiter: str | None, duplicate_ids: str, **columns: str | None
    ) -> None:
        from matcher.io.columns import Columns

        self.encoding, self.delimiter = encoding, delimiter
        self.duplicate_ids = duplicate_ids
        self.columns = Columns.read(columns, "the column options")

    def __call__(self, path: Path, images: Path | None) -> Listings:
        """Read one table."""
        from matcher.io.listings import read_listings

        return read_listings(
            path,
            images,
            self.columns,
            encoding=self.encoding,
            delimiter=self.delimiter,
            duplicate_ids=self.duplicate_ids,  # type: ignore[arg-type]  # it checks by itself
        )


def reads(**readers: Mapping[str, Any]) -> Callable[[Command], Command]:
    """Add the options of how tables are read to a command, which takes them as ``Reader``.

    Args:
        **readers: For each parameter that takes a reader, the options of its table's columns.

    Returns:
        A decorator; it goes below ``app.command``, which then sees the options one by one.
    """
    columns = {name: option for options in readers.values() for name, option in options.items()}
    added = [
        *(_keyword(name, None, option) for name, option in columns.items()),
        _keyword("encoding", "utf-8", Encoding),
        _keyword("delimiter", None, Delimiter),
        _keyword("duplicate_ids", "error", DuplicateIds),
    ]

    def decorate(command: Command) -> Command:
        signature = inspect.signature(command, eval_str=True)
        own = [p for name, p in signature.parameters.items() if name not in readers]

        @wraps(command)
        def run(**given: Any) -> None:
            named = {option.name: given.pop(option.name) for option in added}
            how = [named[name] for name in ("encoding", "delimiter", "duplicate_ids")]
            made = {
                parameter: Reader(*how, **{n.removeprefix("right_"): named[n] for n in options})
                for parameter, options in readers.items()
            }
            command(**given, **made)

        parameters = [*(p.replace(kind=Parameter.KEYWORD_ONLY) for p in own), *added]
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        run.__annotations__ = {p.name: p.annotation for p in parameters}
        return run

    return decorate


def _keyword(name: str, default: str | None, option: Any) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=option)
