"""The same loop on JAX: it learns, thaws layers, and goes on bit for bit after a crash."""

import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

pytestmark = [
    pytest.mark.keras,
    pytest.mark.slow,
    pytest.mark.long,
    pytest.mark.skipif(find_spec("jax") is None, reason="needs jax"),
]
CHOSEN = "(cut_off and each-batch) or frozen or mixed or number or learning_rate"


def test_the_tests_of_the_loop_hold_on_jax():
    path = Path(__file__).with_name("test_loop.py")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(path)]
    done = subprocess.run(
        [*command, "-k", CHOSEN],
        env={**os.environ, "KERAS_BACKEND": "jax"},
        cwd=path.parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
