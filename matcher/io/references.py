"""Where a picture lies, as one text, and back."""

from __future__ import annotations

from pathlib import Path

from matcher.types import ImageRef


def to_reference(ref: ImageRef) -> str:
    """A picture as text: its path, or ``archive:member``; absolute, so that all folders read it."""
    path = str(ref.path.absolute())
    return f"{path}:{ref.member}" if ref.member else path


def to_picture(reference: str) -> ImageRef:
    """Back from ``to_reference``: a member where the text before a colon names a file."""
    if not Path(reference).is_file():
        for at, letter in enumerate(reference):
            if letter == ":" and _is_archive(Path(reference[:at])):
                return ImageRef(Path(reference[:at]), reference[at + 1 :])
    return ImageRef(Path(reference))


def _is_archive(path: Path) -> bool:
    return path.suffix.lower() == ".zip" or path.is_file()
