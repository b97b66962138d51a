"""The model card of a training, in the form that the Hugging Face hub reads too."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import yaml

_EXAMPLES = {
    "image": "encoders:\n  photos: {encoder: image, weights: FOLDER}",
    "title": "encoders:\n  titles: {encoder: bert, weights: FOLDER}",
}


def describe(about: Mapping[str, Any], fingerprint: str) -> str:
    """Write what people must know of an artefact, as Markdown.

    Args:
        about: Its settings; ``card`` holds what its maker says, as text that is not trusted.
        fingerprint: Of its weights and settings.
    """
    card = about["card"]
    front = {"library_name": "keras", "license": card["license"], "tags": [about["modality"]]}
    parts = [
        f"---\n{yaml.safe_dump(front, sort_keys=True, allow_unicode=True)}---",
        f"# {_plain(card['title'])}",
        *([_plain(card["about"])] if card["about"] else []),
        "## How to use it",
        f"In the settings of a run, with this folder for `FOLDER`:\n\n"
        f"```yaml\n{_EXAMPLES[about['modality']]}\n```",
        f"## Figures on groups held out\n\n{_table(card['metrics'], 'not measured')}",
        describe_facts(about, fingerprint),
    ]
    return "\n\n".join(parts) + "\n"


def describe_facts(about: Mapping[str, Any], fingerprint: str) -> str:
    """The section of a card that says what the network is; as for ``describe``."""
    return f"## What it is\n\n{_table(_facts(about, fingerprint), 'not known')}"


def _facts(about: Mapping[str, Any], fingerprint: str) -> dict[str, Any]:
    card = about["card"]
    return {
        "trained on": card["data"],
        "fingerprint of that": card["data_fingerprint"] or "none",
        "started from": card["started_from"],
        "loss": _settings(card["loss"]) or "not stated",
        "licence of the weights": card["license"],
        "made by version": card["code_version"] or "not stated",
        **{f"architecture: {name}": value for name, value in about["architecture"].items()},
        **{f"preprocessing: {name}": value for name, value in about["preprocessing"].items()},
        "dimensions": about["dimension"],
        "weights stored as": about.get("stored", "float32"),
        "fingerprint": fingerprint,
    }


def _table(rows: Mapping[str, Any], otherwise: str) -> str:
    if not rows:
        return f"{otherwise[0].upper()}{otherwise[1:]}."
    lines = [f"| {_plain(name)} | {_plain(_number(value))} |" for name, value in rows.items()]
    return "\n".join(["| | |", "|---|---|", *lines])


def _number(value: Any) -> Any:
    return f"{value:.4f}" if isinstance(value, float) else value


def _settings(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} = {value}" for name, value in values.items())


def _plain(value: Any) -> str:
    """Text on one line in which nothing is Markdown or HTML."""
    text = " ".join(str(value).split())
    return re.sub(r"([\\`*_{}\[\]<>#|&])", r"\\\1", text)
