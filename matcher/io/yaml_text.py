"""YAML as plain settings by name: nothing is run, and nothing is given twice."""

from __future__ import annotations

from typing import Any

import yaml

from matcher.errors import ConfigError


def parse_yaml(text: str, where: str) -> dict[str, Any]:
    """Read YAML text.

    Args:
        text: A mapping of plain values.
        where: What to call it in messages.

    Raises:
        ConfigError: If it is no YAML, no mapping, or gives a setting more than once.
    """
    try:
        table = yaml.load(text, _UniqueKeys)
    except (yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())
        raise ConfigError(f"{where} is no valid YAML: {reason}.") from error
    if not isinstance(table, dict):
        raise ConfigError(f"{where} must hold settings by name. Received: {table!r}.")
    return table


class _UniqueKeys(yaml.SafeLoader):
    """Plain values only, and no setting given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        twice = {key for key in keys if isinstance(key, str) and keys.count(key) > 1}
        if twice:
            raise yaml.YAMLError(f"{min(twice)!r} is given more than once")
        return super().construct_mapping(node, deep)
