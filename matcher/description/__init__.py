"""What a table of listings holds, counted: titles, words, languages, groups, copies."""

from matcher.description.groups import Groups, describe_groups
from matcher.description.languages import Languages, detect_languages
from matcher.description.result import Description
from matcher.description.sets import Copies, ListingSet, find_copies
from matcher.description.titles import Titles, describe_titles

__all__ = [
    "Copies",
    "Description",
    "Groups",
    "Languages",
    "ListingSet",
    "Titles",
    "describe_groups",
    "describe_titles",
    "detect_languages",
    "find_copies",
]
