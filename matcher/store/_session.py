"""What a database must be able to do so that the rest is the same for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from matcher.store.records import Float16, KeptEncoder, Vectors
from matcher.types import Float32, Int64

Asked: TypeAlias = Int64 | Sequence[str] | None
Table: TypeAlias = NDArray[np.void]


class Session(Protocol):
    """One connection. Its errors are StoreErrors.

    SQL holds values as ``:name``. ``{asked}`` stands for a table called ``asked`` with the
    columns ``place`` and ``row_no``, or ``id`` where texts are asked for.
    """

    @property
    def usable(self) -> bool:
        """Whether another transaction may begin."""
        ...

    def begin_read(self) -> None:
        """Begin to see one state of the database, the one that the first query finds."""
        ...

    def begin_write(self) -> None:
        """Begin a transaction as the only one that writes, once others have ended."""
        ...

    def commit(self) -> None:
        """End the transaction; returns when it is on the disk."""
        ...

    def rollback(self) -> None:
        """End a transaction without a trace; never raises."""
        ...

    def close(self) -> None:
        """Close the connection; never raises."""
        ...

    def version(self) -> int:
        """Version of the tables."""
        ...

    def set_version(self, version: int) -> None:
        """Note another version of the tables, as part of the transaction."""
        ...

    def types(self, encoders: Sequence[KeptEncoder]) -> Mapping[str, str]:
        """SQL of the types that tables for the vectors of these encoders need.

        Raises:
            StoreError: If it cannot hold what one of them gives.
        """
        ...

    def select(self, sql: str, asked: Asked = None, **values: Any) -> list[tuple[Any, ...]]:
        """Rows of a query."""
        ...

    def array(
        self, sql: str, fields: Mapping[str, str], asked: Asked = None, **values: Any
    ) -> Table:
        """Rows of a query whose columns are all of ``"i8"`` or ``"f4"`` and never NULL."""
        ...

    def dense(self, table: str, like: Float32 | Float16, asked: Int64 | None) -> Vectors:
        """Dense vectors of the width and type of ``like``, which has no rows.

        They come in the order asked, or all by ascending row.
        """
        ...

    def execute(self, sql: str, asked: Asked = None, **values: Any) -> None:
        """Run a statement that gives nothing back."""
        ...

    def insert(self, table: str, columns: Mapping[str, Sequence[Any]]) -> None:
        """Insert rows of anything."""
        ...

    def insert_arrays(self, table: str, columns: Mapping[str, NDArray[Any]]) -> None:
        """Insert rows of int64, float32, or dense vectors of shape ``(n, width)``."""
        ...


def ask_dense(session: Session, table: str, asked: Int64 | None) -> tuple[int, str]:
    """How many dense vectors there are at most, and the query for them and their rows."""
    if asked is None:
        n = session.select(f"SELECT count(*) FROM {table}")[0][0]
        return int(n), f"SELECT row_no, value FROM {table} ORDER BY row_no"
    return len(asked), (
        f"SELECT v.row_no, v.value FROM {{asked}} CROSS JOIN {table} v "
        "WHERE v.row_no = asked.row_no ORDER BY asked.place"
    )
