"""One run's settings, read from YAML; what is not known is refused, never ignored."""

from __future__ import annotations

import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import BeforeValidator, Field, model_validator

from matcher.clustering import make_clusterer
from matcher.clustering._base import ClustererSettings
from matcher.encoders import available_encoders, make_encoder
from matcher.errors import ConfigError
from matcher.fusion import VetoingFusion, make_fusion
from matcher.protocols import EncoderSpec
from matcher.settings import Settings, suggest

OWN = ("encoder", "candidates", "min_score")
MODALITY_NAME = re.compile(r"[A-Za-z][\w-]*")
# Names of the other columns of the table of pairs.
COLUMNS = ("id_left", "id_right", "title_left", "title_right", "score", "reason")
UNTUNED_THRESHOLD = 0.9


class Modality(Settings):
    """One way of looking at a listing: an encoder, its settings and its part in the search.

    Attributes:
        encoder: Name of the encoder; by default the name of the modality.
        candidates: Whether neighbours in this modality become candidate pairs. One that does
            not still scores (or vetoes) the candidates of the others.
        min_score: Lowest score of a candidate, in [-1, 1].
        settings: Settings of the encoder; in YAML they stand beside the three above.
    """

    encoder: str
    candidates: bool = True
    min_score: float = Field(0.3, ge=-1, le=1)
    settings: dict[str, Any] = Field(default_factory=dict)

    def make(self) -> EncoderSpec:
        """Build the encoder's settings.

        Raises:
            ConfigError: If the encoder or one of its settings is unknown or out of range.
        """
        return make_encoder(self.encoder, **self.settings)


class Search(Settings):
    """How candidates are found.

    Attributes:
        neighbors: Most candidates kept per listing and modality.
        method: "auto" picks the exact index for the kind of embedding; "neighbors" takes
            cuML's or scikit-learn's NearestNeighbors.
    """

    neighbors: int = Field(50, ge=1, le=1000)
    method: Literal["auto", "neighbors"] = "auto"


class _UniqueKeys(yaml.SafeLoader):
    """Plain values only, and no setting given twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        keys = [key.value for key, _ in node.value]
        twice = {key for key in keys if isinstance(key, str) and keys.count(key) > 1}
        if twice:
            raise yaml.YAMLError(f"{min(twice)!r} is given more than once")
        return super().construct_mapping(node, deep)


def _read_modalities(value: object) -> object:
    """Fold the flat YAML of each modality into a ``Modality``, and check its encoder."""
    if not isinstance(value, Mapping):
        return value
    for name in value:
        if not (isinstance(name, str) and MODALITY_NAME.fullmatch(name)) or name in COLUMNS:
            raise ConfigError(
                "A modality's name is letters, digits, '-' and '_', begins with a letter and is "
                f"none of {', '.join(COLUMNS)}. Received: {name!r}."
            )
    return {name: _read_modality(name, flat) for name, flat in value.items()}


def _read_modality(name: str, flat: object) -> Modality:
    if isinstance(flat, Modality):
        return flat
    if flat is not None and not isinstance(flat, Mapping):
        raise ConfigError(f"encoders.{name} must hold settings by name. Received: {flat!r}.")
    given = {"encoder": name, **(flat or {})}
    own = {key: given.pop(key) for key in OWN if key in given}
    modality = Modality.read({**own, "settings": given}, f"encoders.{name}")
    modality.make()
    return modality


def _read_fusion(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    settings = dict(value)
    return make_fusion(settings.pop("method", "boundary"), **settings)


def _read_clusterer(value: object) -> object:
    if not isinstance(value, Mapping):
        return value
    settings = dict(value)
    return make_clusterer(settings.pop("method", "average"), **settings)


class RunConfig(Settings):
    """Everything that decides the outcome of a run.

    Attributes:
        encoders: Modalities by name.
        search: How candidates are found.
        fusion: How scores become one; ``method`` names a file in ``matcher/fusion``.
        clustering: How matches become clusters; ``method`` names a file in
            ``matcher/clustering``.
        matches: "clusters": a listing matches all of its cluster. "pairs": only those that
            the fusion accepts with it directly.
    """

    encoders: Annotated[dict[str, Modality], BeforeValidator(_read_modalities), Field(min_length=1)]
    search: Search = Search()
    fusion: Annotated[VetoingFusion, BeforeValidator(_read_fusion)]
    clustering: Annotated[ClustererSettings, BeforeValidator(_read_clusterer)]
    matches: Literal["clusters", "pairs"] = "clusters"

    @model_validator(mode="after")
    def _fusion_reads_known_modalities(self) -> Self:
        for name in self.fusion.modalities:
            if name not in self.encoders:
                raise ValueError(
                    f"fusion names the modality {name!r}, which encoders does not have."
                    f"{suggest(name, list(self.encoders))}"
                )
        return self

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a YAML file.

        Raises:
            ConfigError: If the file can't be read, is no YAML, or holds a wrong setting.
        """
        try:
            return cls.parse(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigError(f"Cannot read the config {path}: {error}.") from error

    @classmethod
    def default(cls) -> Self:
        """Titles and picture hashes, with thresholds that ``default.yaml`` accounts for."""
        return cls.parse(default_yaml(), "default.yaml")

    @classmethod
    def parse(cls, text: str, where: str) -> Self:
        """Read YAML text; ``where`` names it in messages."""
        try:
            table = yaml.load(text, _UniqueKeys)
        except (yaml.YAMLError, RecursionError) as error:
            reason = " ".join(str(error).split())
            raise ConfigError(f"{where} is no valid YAML: {reason}.") from error
        if not isinstance(table, dict):
            raise ConfigError(f"{where} must hold settings by name. Received: {table!r}.")
        return cls.read(table, where)

    def dump(self) -> dict[str, Any]:
        """Plain values that ``parse`` reads back, for YAML and JSON."""
        encoders = {}
        for name, modality in self.encoders.items():
            own = modality.model_dump(exclude={"settings"})
            encoders[name] = {**own, **modality.settings}
        return {
            "encoders": encoders,
            "search": self.search.model_dump(),
            "fusion": {"method": _file_name(self.fusion), **self.fusion.model_dump()},
            "clustering": {"method": _file_name(self.clustering), **self.clustering.model_dump()},
            "matches": self.matches,
        }

    def select(self, names: list[str]) -> Self:
        """Keep the modalities that ``names`` call by their own name or by their encoder's.

        A known encoder that the config lacks joins with its default settings and a threshold
        of 0.9, which nothing has been tuned on: run ``matcher tune`` with it.

        Raises:
            ConfigError: If a name is neither a modality nor an encoder.
        """
        known = {*self.encoders, *available_encoders()}
        encoders: dict[str, Modality] = {}
        for name in names:
            found = {k: m for k, m in self.encoders.items() if name in (k, m.encoder)}
            if not found and name not in known:
                raise ConfigError(
                    f"Unknown encoder {name!r}.{suggest(name, sorted(known))} "
                    f"Available: {', '.join(sorted(known))}."
                )
            encoders |= found or {name: _read_modality(name, {"min_score": 0.5})}
        new = [name for name in encoders if name not in self.encoders]
        fusion = _restrict(self.fusion, list(encoders), new)
        return self.model_copy(update={"encoders": encoders, "fusion": fusion})


def _restrict(fusion: VetoingFusion, names: list[str], new: list[str]) -> VetoingFusion:
    """Keep the parts of a fusion that read the modalities ``names``, and add the ``new`` ones."""
    part = "thresholds" if "thresholds" in type(fusion).model_fields else "weights"
    start = 1.0 if part == "weights" else UNTUNED_THRESHOLD
    given: dict[str, float] = getattr(fusion, part)
    kept = {name: value for name, value in given.items() if name in names}
    kept |= dict.fromkeys(new if kept or new else names[:1], start)
    vetoes = {name: bound for name, bound in fusion.vetoes.items() if name in names}
    return fusion.model_copy(update={part: kept, "vetoes": vetoes})


def _file_name(plug_in: Settings) -> str:
    """Name of the file that a fusion or clusterer is defined in."""
    return type(plug_in).__module__.rsplit(".", 1)[-1]


def default_yaml() -> str:
    """Text of the default config, comments included."""
    return files("matcher").joinpath("default.yaml").read_text(encoding="utf-8")
