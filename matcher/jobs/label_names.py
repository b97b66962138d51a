"""The labels of a table as it spells them: listings carry them as numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from matcher.io.columns import CANDIDATES, Columns
from matcher.types import UNLABELLED, Listings


def name_labels(listings: Listings, columns: Columns | None = None) -> tuple[str, ...]:
    """The label of each group as the table spells it; its number where that is not known.

    Args:
        listings: With groups.
        columns: Names of the columns, where they were given.
    """
    groups = listings.groups
    if groups is None:
        return ()
    codes, first = np.unique(groups, return_index=True)
    first = first[codes != UNLABELLED]
    plain = tuple(map(str, range(int(groups.max(initial=-1)) + 1)))
    for texts in _label_columns(listings, columns):
        at = dict(zip(codes[codes != UNLABELLED].tolist(), first.tolist(), strict=True))
        names = tuple(texts[at[code]] if code in at else name for code, name in enumerate(plain))
        known = zip(groups.tolist(), texts, strict=True)
        if all(code == UNLABELLED or names[code] == text for code, text in known):
            return names
    return plain


def _label_columns(listings: Listings, columns: Columns | None) -> list[list[str]]:
    """Columns of the table that may be the one the groups were read from."""
    extra = listings.extra
    if extra is None:
        return []
    wanted = CANDIDATES["group"] if columns is None or columns.group is None else (columns.group,)
    plain = [name.strip().casefold() for name in wanted]
    found = [name for name in extra.column_names if name.strip().casefold() in plain]
    found.sort(key=lambda name: plain.index(name.strip().casefold()))
    texts = [pc.fill_null(extra[name].cast(pa.large_string()), "").to_pylist() for name in found]
    if not found and extra.column_names == ["path"]:  # a folder with one folder per product
        texts.append([str(Path(path).parent) for path in extra["path"].to_pylist()])
    return texts
