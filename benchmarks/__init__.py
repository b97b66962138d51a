"""Measurements: ``quality.py`` writes the table of the README, ``bench_*.py`` are about speed."""
