"""Fixtures of the tests of reading and writing."""

from pathlib import Path

import pytest


@pytest.fixture
def csv(tmp_path):
    """Write content to a file and return its path."""

    def write(content: str | bytes, name: str = "shop.csv") -> Path:
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write
