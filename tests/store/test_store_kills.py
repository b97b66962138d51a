"""Writers killed at random moments: what was told of is there, and nothing is there by half."""

import os
import signal
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="kill -9 is of Unix")
TIMES = int(os.environ.get("MATCHER_KILLS", "10"))


def test_a_killed_writer_leaves_whole_batches(place, root, kills):
    times = TIMES if isinstance(place, Path) else -(-TIMES // 3)  # a server takes longer
    found, told = kills.kill_writers(str(place), root, times)
    assert found == []
    assert told >= times // 2  # they were at it


@pytest.mark.parametrize("way", ["in two writes", "told too early"])
def test_a_store_that_is_not_atomic_would_be_found_out(tmp_path, root, kills, way):
    found, _ = kills.kill_writers(str(tmp_path / "bad"), root, 40, way)
    assert found
