"""All that is told about one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from matcher.description.groups import Groups
from matcher.description.languages import Languages
from matcher.description.sets import Copies
from matcher.description.titles import Titles


@dataclass(frozen=True, slots=True)
class Description:
    """A table of listings in figures.

    Attributes:
        counts: ``listings``; those ``with_title`` (not blank), ``with_image``, ``with_hash``
            (given or made from the picture; not of a blank picture), ``hashes_given`` in the
            table, and ``labelled``.
        problems: How many listings each kind of trouble touched, the commonest first.
        groups: By the labels; None where there are none.
        titles: Lengths, characters, words, attributes.
        languages: Of a sample of the titles.
        copies: Listings that are equal in their ``title`` (cleaned), ``hash`` or ``picture``
            (the file, byte for byte).
    """

    counts: Mapping[str, int]
    problems: Mapping[str, int]
    groups: Groups | None
    titles: Titles
    languages: Languages
    copies: Mapping[str, Copies]
