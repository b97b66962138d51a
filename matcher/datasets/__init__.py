"""Data that the package makes itself, for demos, tests and first steps."""

from matcher.datasets.listings import make_listings

__all__ = ["make_listings"]
