"""What networks are compared on: the same each time, and like what is to come."""

import tracemalloc

import numpy as np
import pytest

from matcher.runtime.probes import picture_probe, title_probe


@pytest.mark.parametrize("size", [32, 33, 224])
def test_pictures(size):
    ((pixels,),) = picture_probe(size)
    assert (pixels.shape, pixels.dtype) == ((8, size, size, 3), np.uint8)
    np.testing.assert_array_equal(pixels, picture_probe(size)[0][0])
    corners = pixels[:, 0, 0]
    assert (corners[::2] == 255).all()  # a thing on white
    assert not (corners[1::2] == 255).all()
    assert len(np.unique(pixels.reshape(8, -1), axis=0)) == 8
    # like a photograph: neighbours resemble each other, and the contrast is that of one
    grey = pixels[1].mean(axis=2)
    assert np.corrcoef(grey[:, 1:].ravel(), grey[:, :-1].ravel())[0, 1] > 0.6
    assert 30 < grey.std() < 60


def test_pictures_are_made_one_at_a_time():
    tracemalloc.start()
    picture_probe(128)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * 4 * 128 * 128 * 16  # what the spectra of all eight would take


@pytest.mark.parametrize(("n_tokens", "lengths"), [(64, [8, 21, 64]), (20, [6, 8, 20]), (3, [3])])
def test_titles(n_tokens, lengths):
    batches = title_probe(50, n_tokens)
    assert [ids.shape[1] for ids, _ in batches] == lengths
    for ids, attended in batches:
        assert ids.dtype == attended.dtype == np.int32
        assert ids.max() < 50
        assert (ids[attended == 0] == 0).all()
        assert attended[0].all()
        assert (attended.sum(axis=1) >= 2).all()
