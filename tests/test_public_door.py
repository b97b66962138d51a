"""What ``import matcher`` gives, and what it leaves unloaded."""

import subprocess
import sys

import pytest

import matcher

HEAVY = ("tensorflow", "keras", "sklearn", "PIL", "transformers", "matplotlib", "pandas")


def loaded_after(code: str) -> set[str]:
    tail = f"; import sys; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    run = subprocess.run(
        [sys.executable, "-c", code + tail], capture_output=True, text=True, check=True
    )
    return set(run.stdout.split("\n")[-2].split())


def test_all_names_are_there_sorted_and_few():
    assert matcher.__all__ == sorted(matcher.__all__)
    assert len(matcher.__all__) <= 28
    for name in matcher.__all__:
        assert getattr(matcher, name) is not None


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'dedup'"):
        _ = matcher.dedup


def test_import_loads_nothing_heavy():
    assert loaded_after("import matcher") == set()


def test_settings_and_errors_load_nothing_heavy():
    assert loaded_after("import matcher; matcher.RunConfig.default()") == set()


def test_help_loads_nothing_heavy():
    code = "from matcher.cli import main; main(['--help'])"
    assert loaded_after(code) == set()


def test_titles_and_hashes_never_load_a_deep_learning_library():
    code = (
        "import pyarrow, matcher; "
        "matcher.dedupe(pyarrow.table({'id': ['a', 'b'], 'title': ['x y', 'x y']}))"
    )
    assert not loaded_after(code) & {"tensorflow", "keras", "transformers"}
