"""What all encoders share that put pictures through a Keras network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from matcher.encoders._artefacts import build_saved, check_backbone, load_saved
from matcher.encoders._networks import Facts, digest_of, load_runner
from matcher.encoders._saved import start_image_embedder
from matcher.errors import ConfigError
from matcher.io.artifacts import TENSORS, fingerprint, load_model
from matcher.io.decoding import to_pixels
from matcher.io.images import ImageError, read_all
from matcher.io.shipped import BASE, base_folder, named_folder
from matcher.models.settings import ImageArchitecture, ImagePooling
from matcher.runtime.networks import Precision
from matcher.runtime.probes import picture_probe
from matcher.runtime.runner import Runner
from matcher.settings import Settings
from matcher.similarity import l2_normalize
from matcher.types import Embeddings, ImageRef, Listings


class ImageSettings(Settings):
    """Settings of every such encoder.

    Attributes:
        weights: ``imagenet`` (downloaded once), ``base`` (those that come with the package), a
            ``.weights.h5`` file for the network without its classifier (for resnet18 a
            ``.safetensors`` file with PyTorch's names, too), the folder of an artefact, or
            ``random`` (for tests).
        size: Side to which pictures are resized, in pixels; None is the size that the weights
            or, failing that, the network were made for.
        batch: Pictures that are handed to the network at once.
        precision: ``bfloat16`` is 1.6 to 2 times as fast as ``float32``; ``auto`` takes it
            where the processor has it, the extra ``fast`` is installed and the network bears
            it. Vectors of the two are not compared with each other.
    """

    weights: str = "imagenet"
    size: int | None = Field(None, ge=32, le=1024)
    batch: int = Field(8, ge=1)
    precision: Precision = "auto"

    @property
    def weights_folder(self) -> Path:
        """Where the weights lie, if they are an artefact's."""
        return named_folder(self.weights, "image")

    def reads(self, listings: Listings) -> bool:
        """Whether any listing has a picture."""
        return any(ref is not None for ref in listings.images)


@dataclass(frozen=True, slots=True)
class ImageEncoder:
    """A network that is ready to run.

    Attributes:
        runner: From pixels in 0..255, shape ``(batch, size, size, 3)``, to ``(batch, width)``.
        size: Side of the pictures, in pixels.
        width: Number of dimensions.
        batch: Pictures that are handed to the network at once.
        label: What to call the encoder in progress reports.
        source: Fingerprint.
    """

    runner: Runner
    size: int
    width: int
    batch: int
    label: str
    source: str

    def contents(self, listings: Listings) -> tuple[ImageRef | None, ...]:
        """What each row is encoded from."""
        return listings.images

    def encode(self, listings: Listings) -> Embeddings:
        """Encode the picture of each listing; a row without a readable one is 0."""
        vectors = np.zeros((len(listings), self.width), np.float32)
        problems: dict[int, str] = {}
        # Pictures are decoded while the network runs on those before.
        for rows, found in self.runner.stream_keyed(self._batches(listings, problems)):
            vectors[rows] = l2_normalize(found)
        return Embeddings(vectors, self.source, problems)

    def _batches(
        self, listings: Listings, problems: dict[int, str]
    ) -> Iterator[tuple[list[int], tuple[NDArray[np.uint8]]]]:
        """Rows, and their pixels in an array that is written to again."""
        size = self.size
        n_pictures = sum(ref is not None for ref in listings.images)
        pixels = np.empty((min(self.batch, n_pictures), size, size, 3), np.uint8)
        rows: list[int] = []
        pictures = read_all(listings, lambda image: to_pixels(image, size), self.label, size)
        for row, picture in pictures:
            if isinstance(picture, ImageError):
                problems[row] = picture.reason
                continue
            pixels[len(rows)] = picture
            rows.append(row)
            if len(rows) == len(pixels):
                yield rows, (pixels,)
                rows = []
        if rows:
            yield rows, (pixels[: len(rows)],)


def load_image_encoder(
    name: str,
    backbone: str | None,
    settings: ImageSettings,
    pooling: ImagePooling | None = None,
    activation: Literal["relu", "mish"] | None = None,
) -> ImageEncoder:
    """Build a network, fill it and make it ready.

    Args:
        name: What to call it in fingerprints and progress reports.
        backbone: Name in ``matcher.models.catalogue``; None is that of the artefact.
        settings: Weights, size and batch.
        pooling: One vector from a map; None is that of the artefact or, failing that, average.
        activation: Of a resnet18; None is that of the artefact or, failing that, ReLU.

    Raises:
        BackendError: If the weights are missing, or the precision cannot be had.
        ConfigError: If the weights are those of another network.
        StoreError: If the weights are damaged.
    """
    given = {"pooling": pooling, "activation": activation}
    parts = {part: value for part, value in given.items() if value is not None}

    def build() -> tuple[Any, Facts]:
        from matcher.models.weights import export_weights

        model, architecture = _load_model(backbone, settings, parts)
        facts = {"size": model.input_shape[1], "width": model.output_shape[-1]}
        # The names of the weights tell all else.
        apart = architecture.model_dump(include={"pooling", "activation"}, exclude_defaults=True)
        return model, facts | {"mark": fingerprint(apart, export_weights(model))[:16]}

    runner, facts = load_runner(
        _origin(backbone, settings, {"pooling": None, **parts}),
        build,
        lambda facts: picture_probe(facts["size"]),
        settings.precision,
        settings.batch,
    )
    return ImageEncoder(
        runner=runner,
        size=facts["size"],
        width=facts["width"],
        batch=settings.batch,
        label=name,
        source=f"{name}:{facts['size']}:{facts['mark']}:{runner.precision}",
    )


def load_network(spec: Any) -> Any:
    """Keras model of an encoder ``image``: pixels in 0..255 to vectors, not normalised.

    Args:
        spec: Settings of the encoder.

    Raises:
        BackendError: If the weights are missing.
        StoreError: If the weights are damaged.
    """
    given = {"pooling": spec.pooling, "activation": spec.activation}
    parts = {part: value for part, value in given.items() if value is not None}
    return _load_model(spec.backbone, spec, parts)[0]


def _origin(
    backbone: str | None, settings: ImageSettings, parts: Mapping[str, str | None]
) -> Facts | None:
    """What the network depends on; None where the weights are not there to be looked at."""
    about = {"backbone": backbone, "size": settings.size, **parts}
    if settings.weights in ("imagenet", "random"):  # what is downloaded is always the same
        return about | {"weights": settings.weights}
    path = _place(settings)
    try:
        if not path.is_dir():
            return about | {"suffix": path.suffix, "sha256": digest_of(path)}
        config, tensors = load_model(path)
        return about | {"config": config, "tensors": fingerprint({}, tensors)}
    except OSError:  # it is explained where the weights are loaded
        return None


def _place(settings: ImageSettings) -> Path:
    """Folder or file of the weights; ``BackendError`` where the package lacks its own."""
    return base_folder("image") if settings.weights == BASE else settings.weights_folder


def _load_model(
    backbone: str | None, settings: ImageSettings, parts: Mapping[str, str]
) -> tuple[Any, ImageArchitecture]:
    path = _place(settings)
    if settings.weights not in ("imagenet", "random") and path.is_dir():
        return _load_saved(path, backbone, settings.size, parts)
    if backbone is None:
        raise ConfigError(
            "Weights that are not an artefact's do not tell their network: name it with backbone:, "
            f"e.g. resnet50. Received: weights: {settings.weights}."
        )
    plain = {"backbone": backbone, "size": settings.size, "neck": "none"}
    architecture = ImageArchitecture.read({**plain, **parts}, f"encoder {backbone}")
    return start_image_embedder(architecture, settings.weights), architecture


def _load_saved(
    folder: Path, backbone: str | None, size: int | None, parts: Mapping[str, str]
) -> tuple[Any, ImageArchitecture]:
    saved = load_saved(folder)
    architecture = check_backbone(saved, backbone, folder)
    for part, value in parts.items():
        trained = getattr(architecture, part)
        if value != trained:
            raise ConfigError(
                f"{folder} was trained with {part}: {trained}. Received: {value}. Leave {part} out."
            )
    return build_saved(saved, str(folder / TENSORS), size), architecture
