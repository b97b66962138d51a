"""What is noted of libraries and of our own code."""

import shutil
from importlib.metadata import version

from matcher.io import versions
from matcher.io.versions import digest_of_code, installed_versions


def test_libraries_that_are_installed():
    names = ("pytest", "no-library-of-this-name", "numpy")
    found = installed_versions(names)
    assert list(found.items()) == [("pytest", version("pytest")), ("numpy", version("numpy"))]


def test_code_is_told_apart_by_name_and_content(tmp_path, monkeypatch):
    monkeypatch.setattr(versions, "PACKAGE", tmp_path)

    def digest(*patterns):
        return digest_of_code.__wrapped__(*patterns)

    (tmp_path / "io").mkdir()
    (tmp_path / "io" / "a.py").write_text("a")
    (tmp_path / "io" / "b.py").write_text("b")
    first = digest("io/*.py")
    assert first == digest("io/b.py", "io/*.py")
    assert digest("io/a.py") != first
    (tmp_path / "io" / "b.py").write_text("c")
    changed = digest("io/*.py")
    shutil.move(tmp_path / "io" / "b.py", tmp_path / "io" / "c.py")
    assert len({first, changed, digest("io/*.py")}) == 3


def test_what_is_named_is_there():
    from matcher.encoders._networks import _CODE
    from matcher.io.vector_cache import CODE

    for pattern in (*CODE, *_CODE):
        assert list(versions.PACKAGE.glob(pattern)), pattern
