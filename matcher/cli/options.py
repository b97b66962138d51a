"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, TypeAlias

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
        help="Use only these: modalities of the config, or encoders (tfidf, phash, "
        "efficientnet, mobilenet, bert).",
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
