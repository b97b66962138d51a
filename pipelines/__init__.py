"""Reproducible runs: ``python -m pipelines.NAME CONFIG …``. Nothing imports them."""
