"""One run's settings, read from YAML; what is not known is refused, never ignored."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import BeforeValidator, Field, model_validator

from matcher.blending import BlendingSettings, make_blending
from matcher.clustering import make_clusterer
from matcher.clustering._base import ClustererSettings
from matcher.encoders import available_encoders, make_encoder
from matcher.errors import ConfigError
from matcher.fusion import KReciprocal, PairsFusion, VetoingFusion, make_fusion
from matcher.io.yaml_text import parse_yaml
from matcher.protocols import EncoderSpec
from matcher.search import Search
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


def _reader(make: Callable[..., Any], default: str | None = None) -> Callable[[object], object]:
    """From settings with a ``method`` to the plug-in of that name."""

    def read(value: object) -> object:
        if not isinstance(value, Mapping):
            return value
        settings = dict(value)
        return make(settings.pop("method", default), **settings)

    return read


_read_blending = _reader(make_blending)


def _read_blendings(value: object) -> object:
    if not isinstance(value, list | tuple):
        return value
    return tuple(_read_blending(step) for step in value)


class RunConfig(Settings):
    """Everything that decides the outcome of a run.

    Attributes:
        encoders: Modalities by name.
        blending: Changes to the vectors before the search, one after the other; ``method``
            names a file in ``matcher/blending``. None by default.
        search: How candidates are found.
        fusion: How scores become one; ``method`` names a file in ``matcher/fusion``.
        reranking: Settings of k-reciprocal re-ranking of the fused scores; None for none.
        clustering: How matches become clusters; ``method`` names a file in
            ``matcher/clustering``.
        at_least_two: Whether every product is known to have two listings or more: listings that
            are left alone are then paired, best candidates first. Off by default: real
            catalogues have single listings.
        matches: "clusters": a listing matches all of its cluster. "pairs": only those that
            the fusion accepts with it directly.
        fitted_on: Digests of the labels that set the thresholds, as ``matcher tune`` writes
            them: a run on those very labels says that its metrics are too good.
        cache: Whether pictures and titles that an earlier run has encoded, and networks that
            it has converted, are taken from the cache on disk, and new ones kept there. The
            outcome is the same.
    """

    encoders: Annotated[dict[str, Modality], BeforeValidator(_read_modalities), Field(min_length=1)]
    blending: Annotated[tuple[BlendingSettings, ...], BeforeValidator(_read_blendings)] = ()
    search: Search = Search()
    fusion: Annotated[VetoingFusion, BeforeValidator(_reader(make_fusion, "boundary"))]
    reranking: KReciprocal | None = None
    clustering: Annotated[ClustererSettings, BeforeValidator(_reader(make_clusterer, "average"))]
    at_least_two: bool = False
    matches: Literal["clusters", "pairs"] = "clusters"
    fitted_on: tuple[str, ...] = ()
    cache: bool = True

    @model_validator(mode="after")
    def _modalities_are_known(self) -> Self:
        known = list(self.encoders)
        for step in self.blending:
            self._refuse_unknown(step.modalities, known, f"blending {step.method}")
            known += [name for name in step.written if name not in known]
        self._refuse_unknown(self.fusion.modalities, known, "fusion")
        self._refuse_unknown(self.search.named, known, "search.method")
        return self

    @staticmethod
    def _refuse_unknown(names: tuple[str, ...], known: list[str], where: str) -> None:
        for name in names:
            if name not in known:
                raise ValueError(
                    f"{where} names the modality {name!r}, which encoders does not have."
                    f"{suggest(name, known)}"
                )

    def search_of(self, name: str) -> tuple[bool, float]:
        """Whether a modality proposes candidates, and the lowest score of one."""
        if name in self.encoders:
            return self.encoders[name].candidates, self.encoders[name].min_score
        step = next(step for step in reversed(self.blending) if name in step.written)
        return step.candidates, step.min_score

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read a YAML file.

        Raises:
            ConfigError: If the file can't be read, is no YAML, or holds a wrong setting.
        """
        try:
            return cls.parse(path.read_text(encoding="utf-8"), str(path))
        except (OSError, UnicodeDecodeError) as error:
            reason = getattr(error, "strerror", None) or error
            raise ConfigError(
                f"Cannot read the config {path}: {reason}. 'matcher config' prints one to change."
            ) from error

    @classmethod
    def default(cls) -> Self:
        """Titles and picture hashes, with thresholds that ``default.yaml`` accounts for."""
        return cls.parse(default_yaml(), "default.yaml")

    @classmethod
    def parse(cls, text: str, where: str) -> Self:
        """Read YAML text; ``where`` names it in messages."""
        table = parse_yaml(text, where)
        fields = cls.model_fields
        missing = [name for name in fields if fields[name].is_required() and name not in table]
        if missing and set(table) <= set(fields):  # a misspelt name would explain it better
            raise ConfigError(
                f"{where} lacks {', '.join(missing)}: a config is whole. 'matcher config' prints "
                "one to change."
            )
        return cls.read(table, where)

    def dump(self) -> dict[str, Any]:
        """Plain values that ``parse`` reads back, for YAML and JSON."""
        encoders = {}
        for name, modality in self.encoders.items():
            own = modality.model_dump(exclude={"settings"})
            encoders[name] = {**own, **modality.settings}
        return {
            "encoders": encoders,
            "blending": [_dump(step) for step in self.blending],
            "search": self.search.model_dump(),
            "fusion": _dump(self.fusion),
            "reranking": self.reranking and self.reranking.model_dump(),
            "clustering": _dump(self.clustering),
            "at_least_two": self.at_least_two,
            "matches": self.matches,
            "fitted_on": list(self.fitted_on),
            "cache": self.cache,
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
        there, blending = list(encoders), []
        for step in self.blending:
            kept = step.restricted(there)
            if kept is not None:
                blending.append(kept)
                there += [name for name in kept.written if name not in there]
        fusion = _restrict(self.fusion, there, new)
        return self.model_copy(
            update={"encoders": encoders, "blending": tuple(blending), "fusion": fusion}
        )


def _restrict(fusion: VetoingFusion, names: list[str], new: list[str]) -> VetoingFusion:
    """Keep the parts of a fusion that read the modalities ``names``, and add the ``new`` ones."""
    vetoes = {name: bound for name, bound in fusion.vetoes.items() if name in names}
    if isinstance(fusion, PairsFusion):
        # A trained one takes a modality that is gone as missing.
        return fusion.reading(names, new).model_copy(update={"vetoes": vetoes})
    part = "thresholds" if "thresholds" in type(fusion).model_fields else "weights"
    start = 1.0 if part == "weights" else UNTUNED_THRESHOLD
    given: dict[str, float] = getattr(fusion, part)
    kept = {name: value for name, value in given.items() if name in names}
    kept |= dict.fromkeys(new if kept or new else names[:1], start)
    return fusion.model_copy(update={part: kept, "vetoes": vetoes})


def _dump(plug_in: Settings) -> dict[str, Any]:
    """Plain values of a plug-in; its method is the name of the file it is defined in."""
    method = type(plug_in).__module__.rsplit(".", 1)[-1]
    return {"method": method, **plug_in.model_dump(mode="json")}


def default_yaml() -> str:
    """Text of the default config, comments included."""
    return files("matcher").joinpath("default.yaml").read_text(encoding="utf-8")
