"""The whole path on real listings, against figures known from elsewhere."""

import pytest

import matcher
from matcher.config import RunConfig

pytestmark = [pytest.mark.data, pytest.mark.slow]


@pytest.fixture(scope="module")
def shopee(real_data):
    return matcher.read_listings(real_data / "shopee" / "train.csv")


def test_equal_hashes_alone_score_what_the_published_baseline_does(shopee, root):
    found = matcher.dedupe(shopee, config=RunConfig.load(root / "configs" / "phash_exact.yaml"))
    assert found.metrics["rowwise_f1"] == pytest.approx(0.5514, abs=5e-5)


def test_the_default_run_is_far_ahead_of_it(shopee):
    found = matcher.dedupe(shopee)
    assert found.metrics["rowwise_f1"] > 0.76
    assert found.report.counts["largest_cluster"] <= 50


def test_gallery_and_queries_with_boxes_need_no_option(tmp_path, root):
    import shutil

    names = sorted((root / "examples" / "images").iterdir())[:6]
    for name in names:
        shutil.copy(name, tmp_path / name.name)
    gallery = "seller_img_id,img_path\n" + "".join(f"s{i},{p.name}\n" for i, p in enumerate(names))
    queries = "user_img_id,img_path,bbox_x,bbox_y,bbox_w,bbox_h\n" + "".join(
        f"u{i},{p.name},0,0,4000,4000\n" for i, p in enumerate(names)
    )
    (tmp_path / "gallery.csv").write_text(gallery)
    (tmp_path / "queries.csv").write_text(queries)
    found = matcher.match(tmp_path / "queries.csv", tmp_path / "gallery.csv", images=tmp_path)
    for i, matches in enumerate(found.matches["matches"]):
        assert f"s{i}" in matches.split(" ")
