"""Perceptual hashes as text: 16 hexadecimal digits, the first bit the highest."""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np

from matcher.types import Bool, UInt64

_HASH = re.compile(r"[0-9a-fA-F]{16}")


def parse_hashes(texts: Sequence[str | None]) -> tuple[UInt64, Bool, dict[int, str]]:
    """Read hashes as ``str(imagehash.phash(picture))`` writes them.

    Args:
        texts: One per listing; None or blank where it has none.

    Returns:
        The codes, shape ``(n,)`` and 0 where there is none; whether there is one, shape
        ``(n,)``; and what is wrong with a text that is no hash, by row.

    Example:
        >>> codes, present, problems = parse_hashes(["00000000000000ff", None, "xyz"])
        >>> codes[0], present.tolist(), problems
        (np.uint64(255), [True, False, False], {2: "'xyz' is not 16 hexadecimal digits"})
    """
    codes = np.zeros(len(texts), np.uint64)
    present = np.zeros(len(texts), np.bool_)
    problems: dict[int, str] = {}
    digits: list[str] = []
    for row, given in enumerate(texts):
        text = (given or "").strip()
        if _HASH.fullmatch(text):
            present[row] = True
            digits.append(text)
        elif text:
            problems[row] = f"{text[:40]!r} is not 16 hexadecimal digits"
    codes[present] = np.frombuffer(bytes.fromhex("".join(digits)), ">u8")
    return codes, present, problems


def format_hash(code: int) -> str:
    """Write a hash as 16 hexadecimal digits.

    Example:
        >>> format_hash(255)
        '00000000000000ff'
    """
    return f"{code:016x}"
