"""Listings from tables and from folders of pictures."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from matcher.errors import ConfigError, DataError
from matcher.io.columns import Columns, FoundColumns, find_columns
from matcher.io.folders import read_folder
from matcher.io.hashes import parse_hashes
from matcher.io.images import resolve_images
from matcher.io.places import open_place
from matcher.io.raw import Notes, RawTable, log
from matcher.io.tables import from_memory, read_table
from matcher.types import UNLABELLED, Float32, Hashes, ImageRef, Int64, Listings

if TYPE_CHECKING:
    import pandas as pd

DuplicateIds = Literal["error", "first"]

# Normalising long runs of combining marks takes minutes.
MAX_TITLE_CHARS = 10_000
CONTROL = r"\p{Cc}"
UNFIT_FOR_IDS = r"[\s\p{Z}\p{Cc}]"
NUMBER = r"^\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\s*$"


def read_listings(
    path: str | Path,
    images: str | Path | None = None,
    columns: Columns | None = None,
    *,
    encoding: str = "utf-8",
    delimiter: str | None = None,
    duplicate_ids: DuplicateIds = "error",
    labels_only: bool = False,
) -> Listings:
    """Read a table of listings, or a folder of pictures with one folder per product.

    Rows that cannot be used (too many or too few cells, no id) are left out, with a warning
    in the log that says how many and where. What is wrong with a row that stays is told in
    ``Listings.problems``.

    Args:
        path: CSV (also gzipped, or split by tabs, semicolons or bars), Parquet, or a folder.
        images: Folder or zip archive in which the pictures that the table names lie; None:
            they are not looked for.
        columns: Names of the columns; those not given are detected.
        encoding: Encoding of a CSV file, as Python names it.
        delimiter: What separates two cells of a CSV file; None: detected from its header.
        duplicate_ids: What to do where an id occurs twice: "error", or "first" to leave out
            all rows but the first.
        labels_only: Take a table of ids and labels too, to score by.

    Returns:
        The listings in the order of the file. Ids, titles and ``extra`` are the text of the
        file; only control characters in ``titles`` are replaced by spaces, and titles are cut
        at ``MAX_TITLE_CHARS``. ``extra`` holds every column but the id as it came.

    Raises:
        ConfigError: If an option is out of range or does not fit a folder.
        DataError: If the table cannot be read, has no usable columns or rows, repeats an id,
            or has ids with white space.
    """
    path = Path(path)
    if path.is_dir():
        if images is not None or columns not in (None, Columns()):
            raise ConfigError(
                f"{path} is a folder of pictures, for which neither images nor columns can be "
                "named. Leave them out, or name a CSV or Parquet file."
            )
        return read_folder(path)
    table = read_table(path, encoding, delimiter)
    return _build(table, images, columns or Columns(), duplicate_ids, labels_only)


def listings_from_table(
    table: pd.DataFrame | pa.Table,
    images: str | Path | None = None,
    columns: Columns | None = None,
    *,
    duplicate_ids: DuplicateIds = "error",
) -> Listings:
    """Take listings from a table in memory; as ``read_listings`` otherwise.

    Args:
        table: Its ids must be text or whole numbers. A named pandas index counts as a column.
        images: Folder or zip archive of the pictures; None: they are not looked for.
        columns: Names of the columns; those not given are detected.
        duplicate_ids: "error", or "first" to leave out all rows but the first of an id.
    """
    return _build(from_memory(table), images, columns or Columns(), duplicate_ids)


def _build(
    table: RawTable,
    images: str | Path | None,
    columns: Columns,
    duplicate_ids: DuplicateIds,
    labels_only: bool = False,
) -> Listings:
    """Turn a raw table into listings."""
    if duplicate_ids not in ("error", "first"):
        raise ConfigError(f'duplicate_ids is "error" or "first". Received: {duplicate_ids!r}.')
    found = find_columns(table.names, columns, table.where, labels_only)
    table = table.take(_usable_rows(table, found.id, duplicate_ids))
    notes = Notes(table, dict(table.problems))
    return Listings(
        ids=tuple(_text(table, found.id, notes).to_pylist()),
        titles=_titles(table, found.title, notes),
        images=_images(table, found.image, images, notes),
        groups=_groups(table, found.group, notes),
        phashes=_phashes(table, found.phash, notes),
        boxes=_boxes(table, found.box, notes),
        extra=_extra(table, found),
        id_name=table.names[found.id],
        problems=notes.problems,
    )


def _text(table: RawTable, position: int, notes: Notes) -> pa.ChunkedArray:
    """Read a column as text, and note the rows that are no UTF-8."""
    column, rows = table.text(position)
    problem = "bytes that are no UTF-8 became U+FFFD"
    notes.add(dict.fromkeys(rows.tolist(), problem), f"{table.names[position]}:")
    return column


def _usable_rows(table: RawTable, position: int, duplicate_ids: DuplicateIds) -> Int64:
    """Rows with an id of their own, in order."""
    ids = table.text(position)[0]
    has_id = pc.binary_length(ids).to_numpy() > 0
    rows, without = np.flatnonzero(has_id), np.flatnonzero(~has_id)
    if not len(rows):
        raise DataError(f"{table.where} holds no listings.")
    if pa.types.is_floating(table.columns[position].type):
        raise DataError(
            f"{table.where}: ids in column {table.names[position]!r} must be text or whole "
            f"numbers. Received: {table.columns[position].type}. Read the column as text."
        )
    if len(without):
        log.warning(
            "%s: left out %d rows without id (%s)", table.where, len(without), table.place(without)
        )
    _check_ids(table, ids)
    return _first_of_each(table, ids, rows, duplicate_ids)


def _check_ids(table: RawTable, ids: pa.ChunkedArray) -> None:
    """Refuse ids that the space-delimited column ``matches`` could not hold."""
    unfit = np.flatnonzero(pc.match_substring_regex(ids, UNFIT_FOR_IDS).to_numpy())
    if len(unfit):
        raise DataError(
            f"{table.where}, {table.place(unfit[:1])}: id {ids[int(unfit[0])].as_py()!r} holds "
            "white space or a control character, but ids are written side by side with a space "
            "between. Replace it, or name another column with --id COLUMN."
        )


def _first_of_each(
    table: RawTable, ids: pa.ChunkedArray, rows: Int64, duplicate_ids: DuplicateIds
) -> Int64:
    """Drop the rows whose id came before, or refuse them."""
    codes = _codes(ids)[rows]
    new = codes > np.concatenate([[-1], np.maximum.accumulate(codes)[:-1]])
    if new.all():
        return rows
    if duplicate_ids == "error":
        second = int(np.flatnonzero(~new)[0])
        pair = rows[[int(np.flatnonzero(codes == codes[second])[0]), second]]
        raise DataError(
            f"{table.where}: id {ids[int(pair[0])].as_py()!r} occurs more than once, in "
            f"{table.place(pair)}. Give each listing an id of its own, or keep the first of "
            "each with --duplicate-ids first."
        )
    log.warning(
        "%s: left out %d rows whose id came before (%s)",
        table.where,
        int((~new).sum()),
        table.place(rows[~new]),
    )
    return rows[new]


def _codes(texts: pa.ChunkedArray) -> Int64:
    """Number texts by first appearance; -1 where there is none."""
    filled = pc.if_else(pc.equal(texts, ""), None, texts).combine_chunks()
    codes = filled.dictionary_encode().indices
    return np.asarray(pc.fill_null(codes, UNLABELLED).to_numpy(), np.int64)


def _titles(table: RawTable, positions: tuple[int, ...], notes: Notes) -> tuple[str, ...]:
    """Join the columns, blank control characters, cut what is too long."""
    if not positions:
        return ("",) * len(table)
    titles, *others = (_text(table, position, notes) for position in positions)
    for other in others:
        titles = _join(titles, other)
    too_long = np.flatnonzero(pc.utf8_length(titles).to_numpy() > MAX_TITLE_CHARS)
    if len(too_long):
        titles = pc.utf8_slice_codeunits(titles, 0, MAX_TITLE_CHARS)
        problem = f"cut at {MAX_TITLE_CHARS:,} characters"
        notes.add(dict.fromkeys(too_long.tolist(), problem), "title")
    return tuple(pc.replace_substring_regex(titles, CONTROL, " ").to_pylist())


def _join(first: pa.ChunkedArray, second: pa.ChunkedArray) -> pa.ChunkedArray:
    """Put a space between two texts, unless one is empty."""
    gap = pc.if_else(pc.or_(pc.equal(first, ""), pc.equal(second, "")), "", " ")
    nothing = pa.scalar("", pa.large_string())
    return pc.binary_join_element_wise(first, gap.cast(pa.large_string()), second, nothing)


def _images(
    table: RawTable, position: int | None, source: str | Path | None, notes: Notes
) -> tuple[ImageRef | None, ...]:
    if position is None:
        if source is not None:
            open_place(Path(source))  # or it says that there is none
            log.warning(
                "%s has no column of pictures, so %s is not used; name one with --image COLUMN",
                table.where,
                os.fspath(source),
            )
        return (None,) * len(table)
    names = _text(table, position, notes).to_pylist()
    refs, problems = resolve_images(names, None if source is None else Path(source))
    notes.add(problems, "picture")
    return refs


def _groups(table: RawTable, position: int | None, notes: Notes) -> Int64 | None:
    return None if position is None else _codes(_text(table, position, notes))


def _phashes(table: RawTable, position: int | None, notes: Notes) -> Hashes | None:
    if position is None:
        return None
    codes, present, problems = parse_hashes(_text(table, position, notes).to_pylist())
    notes.add(problems, "perceptual hash")
    return Hashes(codes, present, problems=problems)


def _boxes(table: RawTable, positions: tuple[int, ...], notes: Notes) -> Float32 | None:
    """Read boxes; one that makes no sense counts as the whole picture."""
    if not positions:
        return None
    texts = [_text(table, position, notes) for position in positions]
    numbers = [pc.if_else(pc.match_substring_regex(text, NUMBER), text, None) for text in texts]
    numbers = [pc.utf8_trim_whitespace(column).cast(pa.float64()) for column in numbers]
    with np.errstate(over="ignore"):
        boxes = np.stack([column.to_numpy() for column in numbers], axis=1).astype(np.float32)
    given = np.stack([pc.binary_length(text).to_numpy() > 0 for text in texts], axis=1)
    good = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] > 0).all(axis=1)
    boxes[~good] = np.nan
    bad = np.flatnonzero(~good & given.any(axis=1)).tolist()
    problem = "is not four numbers with a positive width and height; the whole picture is used"
    notes.add(dict.fromkeys(bad, problem), "box")
    return boxes


def _extra(table: RawTable, found: FoundColumns) -> pa.Table:
    """Every column but the id; a repeated name gets a number."""
    names: list[str] = []
    positions = [i for i in range(len(table.names)) if i != found.id]
    for position in positions:
        name, n = table.names[position], 2
        while name in names:
            name, n = f"{table.names[position]}_{n}", n + 1
        names.append(name)
    return pa.table([table.columns[position] for position in positions], names=names)
