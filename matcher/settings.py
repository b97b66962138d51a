"""Settings that refuse what they do not know, and plug-ins found by file name."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from difflib import get_close_matches
from importlib import import_module
from typing import Any, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from matcher.errors import ConfigError


def suggest(name: str, known: list[str]) -> str:
    """Return " Did you mean 'x'?" or nothing."""
    near = get_close_matches(name, known, n=1)
    return f" Did you mean {near[0]!r}?" if near else ""


class Settings(BaseModel):
    """Base of everything read from a config: frozen, typed, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    @classmethod
    def read(cls, table: Mapping[str, Any], where: str) -> Self:
        """Build from plain values.

        Args:
            table: Values by setting name, as read from YAML.
            where: What to call the table in messages, e.g. ``"run.yaml, encoders.tfidf"``.

        Raises:
            ConfigError: If a key is unknown, missing, of the wrong type or out of range.
        """
        for key in table:
            if not isinstance(key, str):
                raise ConfigError(f"{where}: settings have names. Received: {key!r}.")
        try:
            return cls.model_validate(dict(table))
        except ValidationError as error:
            raise ConfigError(f"{where}: {explain_error(error, cls)}") from error


def explain_error(error: ValidationError, model: type[BaseModel]) -> str:
    """Say in one sentence what the main fault of a pydantic error is."""
    # A misspelt name explains the missing one better than the other way round.
    first = min(error.errors(), key=lambda fault: fault["type"] != "extra_forbidden")
    # Of a setting that takes several kinds of value, pydantic names the kind as well.
    parts = [str(part) for part in first["loc"]]
    path = [part for part in parts if not part.startswith(("literal[", "dict["))]
    name = ".".join(path) or "settings"
    if first["type"] == "extra_forbidden":
        known = _fields_at(model, path[:-1])
        told = suggest(path[-1], known) or (f" Known: {', '.join(known)}." if known else "")
        return f"unknown setting {name!r}.{told}"
    if first["type"] == "missing":
        return f"setting {name!r} is required."
    message = first["msg"].removeprefix("Value error, ").rstrip(".")
    if first["type"] == "value_error":
        return message if message.endswith("?") else f"{message}."
    if first["type"] in ("model_type", "is_instance_of", "dict_type"):
        return f"setting {name!r} must hold settings by name. Received: {first['input']!r}."
    return f"setting {name!r}: {message}. Received: {first['input']!r}."


def _fields_at(model: type[BaseModel], path: list[str]) -> list[str]:
    """Names of the settings of the model that ``path`` leads to."""
    for part in path:
        field = model.model_fields.get(part)
        inner = field.annotation if field is not None else None
        if not (isinstance(inner, type) and issubclass(inner, BaseModel)):
            return []
        model = inner
    return list(model.model_fields)


def available(package: str) -> tuple[str, ...]:
    """Names of the plug-ins in a package, found without importing any of them."""
    path = import_module(package).__path__
    return tuple(sorted(m.name for m in pkgutil.iter_modules(path) if m.name[0] != "_"))


def plug_in(package: str, name: object, kind: str) -> Any:
    """Import the module behind a plug-in's name.

    Raises:
        ConfigError: If there is no such module; the message lists those there are.
    """
    names = available(package)
    if not isinstance(name, str):
        raise ConfigError(f"The {kind} is named by text. Received: {name!r}.")
    if name not in names:
        raise ConfigError(
            f"Unknown {kind} {name!r}.{suggest(name, list(names))} Available: {', '.join(names)}."
        )
    return import_module(f"{package}.{name}")
