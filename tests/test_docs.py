"""What the documents show works, and what they point to is there."""

import re
import subprocess
import sys

import pytest

PAGES = (
    *("guide", "figures", "search", "encoding", "training", "weights"),
    *("store", "catalog", "serve", "page"),
)
DOCUMENTS = ("README.md", "CONTRIBUTING.md", *(f"docs/{page}.md" for page in PAGES))


def test_the_python_of_the_readme_runs(root):
    (code,) = re.findall(r"```python\n(.*?)```", (root / "README.md").read_text(), re.DOTALL)
    check = "assert len(result.clusters) == 219 and result.metrics['rowwise_f1'] > 0.8"
    subprocess.run([sys.executable, "-c", code + check], cwd=root, check=True)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_links_lead_to_files(root, name):
    text = (root / name).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#]+)", text):
        if not target.startswith("https://"):
            assert ((root / name).parent / target).exists(), target


def test_every_command_and_encoder_is_in_the_documents(root):
    from matcher.blending import available_blendings
    from matcher.clustering import available_clusterers
    from matcher.encoders import available_encoders
    from matcher.fusion import available_fusions

    guide = (root / "docs" / "guide.md").read_text(encoding="utf-8")
    plug_ins = (available_encoders, available_blendings, available_clusterers, available_fusions)
    for name in (name for available in plug_ins for name in available()):
        assert f"`{name}`" in guide
    readme = (root / "README.md").read_text(encoding="utf-8")
    commands = "dedupe match tune audit describe evaluate search embed cache train"
    for command in commands.split():
        assert f"`matcher {command}" in readme


def test_docstrings_of_the_public_door_name_their_arguments():
    import inspect

    import matcher

    for name in ("dedupe", "match", "tune", "embed", "look_up", "make_listings", "read_listings"):
        function = getattr(matcher, name)
        for argument in inspect.signature(function).parameters:
            assert re.search(rf"^\s+{argument}: ", function.__doc__, re.MULTILINE), (name, argument)
