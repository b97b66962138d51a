"""Tables of measured rows, written between marks in a page."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any


def replace_between(page: Path, name: str, lines: Sequence[str]) -> None:
    """Replace what stands between ``<!-- name:begin -->`` and ``<!-- name:end -->``."""
    begin, end = f"<!-- {name}:begin -->", f"<!-- {name}:end -->"
    text = page.read_text(encoding="utf-8")
    before, rest = text.split(begin)
    after = rest.split(end)[1]
    page.write_text(before + "\n".join([begin, *lines, end]) + after, encoding="utf-8")


def quality_lines(rows: Sequence[dict[str, Any]], machine: str, configs: str) -> list[str]:
    """The table of figures; ``configs`` is where the page finds the configs."""
    lines = [
        "| data | method | figure | | gallery | split |",
        "|---|---|---|---|---|---|",
        *(_line(row, configs) for row in rows),
    ]
    return [*lines, "", f"Measured by `make quality` on {machine}."]


def _line(row: dict[str, Any], configs: str) -> str:
    cells = [
        row["set"],
        f"[{row['method']}]({configs}/{row['config']}.yaml)",
        row["figure"],
        f"**{_shown(row['figure'], row['value'])}**",
        f"{row['gallery']:,}",
        row["split"],
    ]
    return f"| {' | '.join(cells)} |"


def _shown(figure: str, value: float) -> str:
    """A figure with the digits that it deserves."""
    if figure.startswith("splits"):
        return f"{value:.0f}"
    return f"{value:.{1 if figure == 'seconds' else 2 if figure.startswith('GB') else 4}f}"
