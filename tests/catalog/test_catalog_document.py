"""What docs/catalog.md shows works."""

import re
import subprocess
import sys


def test_the_python_of_the_document_runs(root, tmp_path):
    (code,) = re.findall(
        r"```python\n(.*?)```",
        (root / "docs" / "catalog.md").read_text(encoding="utf-8"),
        re.DOTALL,
    )
    path = f"import sys; sys.path.insert(0, {str(root)!r})\n"
    run = subprocess.run(
        [sys.executable, "-c", path + code], cwd=tmp_path, capture_output=True, text=True
    )
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout.startswith("a True words in common")
    assert "{'c': 1}" in run.stdout
