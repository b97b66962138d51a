"""Fixtures shared by every test: tiny, seeded, offline."""

import os
from pathlib import Path

import numpy as np
import pytest
import yaml
from hypothesis import settings

# A function may be compiled when it is first called: no test is timed.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

collect_ignore = ["fixtures"]  # scripts that made them need torch
ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def root() -> Path:
    """Folder of the repository."""
    return ROOT


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(20210511)


@pytest.fixture(scope="session")
def real_data() -> Path:
    """Folder of the real data sets; the test is skipped where it is absent."""
    folder = Path(os.environ.get("MATCHER_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}; set MATCHER_DATA")
    return folder


@pytest.fixture(autouse=True, scope="session")
def cache_for_tests(tmp_path_factory):
    """No test reads or writes the caches of the user; processes that tests start neither."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MATCHER_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True, scope="session")
def config_for_tests(tmp_path_factory):
    """Where no config is named, the default without the networks, which take seconds to load.

    Tests of the default as users get it delete MATCHER_CONFIG.
    """
    from matcher.config import RunConfig

    config = RunConfig.default()
    quick = [name for name, m in config.encoders.items() if m.encoder not in ("image", "bert")]
    path = tmp_path_factory.mktemp("config") / "quick.yaml"
    path.write_text(yaml.safe_dump(config.select(quick).dump(), sort_keys=False), encoding="utf-8")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MATCHER_CONFIG", str(path))
        yield


@pytest.fixture(scope="session")
def image_run(tmp_path_factory):
    """What a training of an image encoder leaves; the network is small and has learnt nothing."""
    pytest.importorskip("keras")
    from matcher.encoders._saved import save_encoder, start_image_embedder
    from matcher.models.settings import ImageArchitecture, ModelCard
    from matcher.training.trained_rows import save_trained

    folder = tmp_path_factory.mktemp("image")
    parts = ImageArchitecture(backbone="mobilenet-v2", size=32, width=6)
    save_encoder(folder, start_image_embedder(parts, seed=3), parts, ModelCard())
    save_trained(folder, np.uint64([3, 4]), "pictures")
    return folder
