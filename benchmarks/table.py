"""The README's table, made from the measured rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

BEGIN, END = "<!-- quality:begin -->", "<!-- quality:end -->"


def write_table(content: dict[str, Any], readme: Path) -> None:
    """Replace what stands between the two marks of a README."""
    text = readme.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    after = rest.split(END)[1]
    table = "\n".join([BEGIN, *_lines(content), END])
    readme.write_text(before + table + after, encoding="utf-8")


def _lines(content: dict[str, Any]) -> list[str]:
    lines = [
        "| data | method | figure | | gallery | split |",
        "|---|---|---|---|---|---|",
    ]
    for rows in content["results"].values():
        lines += [_line(row) for row in rows]
    lines += ["", f"Measured by `make quality` on {content['machine']}."]
    return lines


def _line(row: dict[str, Any]) -> str:
    digits = 1 if row["figure"] == "seconds" else 2 if row["figure"].startswith("GB") else 4
    cells = [
        row["set"],
        f"[{row['method']}](configs/{row['config']}.yaml)",
        row["figure"],
        f"**{row['value']:.{digits}f}**",
        f"{row['gallery']:,}",
        row["split"],
    ]
    return f"| {' | '.join(cells)} |"
