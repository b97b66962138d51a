"""Checkpoints, the feed and the log of a training, each by itself."""

import threading
import time

import numpy as np
import pytest

from matcher.errors import BackendError, DataError, StoreError
from matcher.io.images import ImageError
from matcher.training import logs
from matcher.training.checkpoints import Checkpoints, Progress
from matcher.training.feeding import feed
from matcher.training.logs import TrainingLog, read_log
from matcher.training.plots import plot_run, smoothed

ARRAYS = {
    "model/0": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "seed": np.array([1], np.uint32),
}


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def test_a_checkpoint_gives_back_what_was_saved(tmp_path):
    checkpoints = Checkpoints(tmp_path / "c")
    assert checkpoints.load("run") is None
    progress = Progress("run", 7, 1, 2, best={"top1": 0.5}, seconds=1.5)
    checkpoints.save(progress, ARRAYS)
    found, arrays = checkpoints.load("run")
    assert found == progress
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype


def test_two_checkpoints_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    for step in (1, 9, 10, 11):
        checkpoints.save(Progress("run", step), ARRAYS)
    assert names(tmp_path) == ["step-0000000010.safetensors", "step-0000000011.safetensors"]


@pytest.mark.parametrize("damage", ["cut", "flip", "empty"])
def test_the_one_before_stands_in_for_a_damaged_one(tmp_path, damage, caplog):
    checkpoints = Checkpoints(tmp_path)
    for step in (1, 2):
        checkpoints.save(Progress("run", step), ARRAYS)
    path = tmp_path / "step-0000000002.safetensors"
    content = bytearray(path.read_bytes())
    content[-3] ^= 1
    kept = {"cut": bytes(content[:-10]), "flip": bytes(content), "empty": b""}[damage]
    path.write_bytes(kept)
    assert checkpoints.load("run")[0].step == 1
    assert "the checkpoint before it is taken" in caplog.text
    (tmp_path / "step-0000000001.safetensors").write_bytes(b"")
    with pytest.raises(StoreError, match=r"No checkpoint in .* can be read"):
        checkpoints.load("run")


def test_what_a_crash_left_aside_does_not_count(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(Progress("run", 1), ARRAYS)
    (tmp_path / ".matcher-abc.safetensors").write_bytes(b"half")
    assert checkpoints.load("run")[0].step == 1


def test_checkpoints_of_another_run_are_refused(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save(Progress("run", 1), ARRAYS)
    with pytest.raises(StoreError, match="other settings or listings"):
        checkpoints.load("other")


def test_the_best_weights_are_apart(tmp_path):
    checkpoints = Checkpoints(tmp_path)
    checkpoints.save_best({"a": np.ones(2)})
    assert checkpoints.load("run") is None
    np.testing.assert_array_equal(checkpoints.load_best()["a"], [1, 1])


class Numbers:
    """Reads row numbers, some of them not."""

    lengths = None

    def __init__(self, bad=(), delay=0.0):
        self.bad, self.delay, self.asked = set(bad), delay, []
        self.lock = threading.Lock()

    def read(self, row):
        with self.lock:
            self.asked.append(row)
        time.sleep(self.delay)
        if row in self.bad:
            raise ImageError(str(row), "it is damaged")
        return row

    def stack(self, items):
        return {"x": np.array(items)}


def batches(*rows):
    return [np.array(part, np.int64) for part in rows]


def test_batches_come_in_order_whatever_takes_how_long():
    wanted = batches([3, 1], [2, 0], [5, 5], [4, 6], [7, 8])
    found = list(feed(wanted, Numbers(delay=0.001), workers=3))
    for batch, rows in zip(found, wanted, strict=True):
        np.testing.assert_array_equal(batch.inputs["x"], rows)


def test_only_a_few_batches_are_read_ahead():
    reader = Numbers()
    fed = feed(batches(*([i] for i in range(100))), reader, ahead=3, workers=1)
    next(fed)
    fed.close()
    assert len(reader.asked) <= 4


def test_the_next_readable_row_takes_the_place_of_one_that_is_not():
    (batch,) = feed(batches([0, 1, 2, 3]), Numbers(bad=[1, 3]))
    np.testing.assert_array_equal(batch.rows, [0, 2, 2, 0])
    np.testing.assert_array_equal(batch.inputs["x"], batch.rows)
    assert batch.unread == (1, 3)


def test_or_it_is_left_out():
    first, second = feed(batches([0, 1], [1, 1]), Numbers(bad=[1]), replace=False)
    np.testing.assert_array_equal(first.rows, [0])
    assert len(second.rows) == 0


def test_a_batch_of_nothing_readable_stops_the_run():
    with pytest.raises(DataError, match="No picture of a batch can be read"):
        list(feed(batches([1, 2]), Numbers(bad=[1, 2])))


def test_the_log_goes_on_where_the_run_stands(tmp_path):
    first = TrainingLog(tmp_path)
    first.add(0, 0, 0, {"top1": 0.25})
    for step in (1, 2, 3):
        first.add(step, 0, step - 1, {"loss": 4 / step, "margin": None})
    first.close()
    with (tmp_path / "log.csv").open("a") as file:
        file.write("4,0,3,0.1")  # cut off by a crash
    again = TrainingLog(tmp_path, 2, (0, 2))
    again.add(3, 0, 2, {"loss": 9.0})
    again.close()
    rows = read_log(tmp_path / "log.csv")
    assert [row["step"] for row in rows] == [0, 1, 2, 3]
    assert rows[0] == {"step": 0, "epoch": 0, "batch": 0, "top1": 0.25}
    assert [row["loss"] for row in rows[1:]] == [4, 2, 9]


def test_a_validation_that_a_crash_came_after_is_logged_once(tmp_path):
    # two batches an epoch; the checkpoint is the one after the second batch, before validation
    first = TrainingLog(tmp_path)
    first.add(2, 0, 1, {"loss": 1.0})
    first.add(2, 0, 2, {"top1": 0.5})
    first.close()
    TrainingLog(tmp_path, 2, (0, 2)).close()
    assert [row["batch"] for row in read_log(tmp_path / "log.csv")] == [1]
    again = TrainingLog(tmp_path, 2, (1, 0))
    again.add(2, 0, 2, {"top1": 0.5})
    again.close()
    TrainingLog(tmp_path, 2, (1, 0)).close()
    assert [row["batch"] for row in read_log(tmp_path / "log.csv")] == [1, 2]


def test_a_run_that_starts_anew_starts_a_new_log(tmp_path):
    for _ in range(2):
        log = TrainingLog(tmp_path)
        log.add(0, 0, 0, {"top1": 0.5})
        log.close()
    assert len(read_log(tmp_path / "log.csv")) == 1


def test_tensorboard_without_its_writer_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setattr(logs, "find_spec", lambda name: None)
    with pytest.raises(BackendError, match=r"extra 'train'"):
        TrainingLog(tmp_path, tensorboard=True)


def test_a_loss_is_smoothed_by_the_few_before():
    np.testing.assert_allclose(smoothed(np.repeat([0.0, 1.0], 50))[49:53], [0, 0.5, 1, 1])


def test_a_run_is_drawn(tmp_path):
    from PIL import Image

    assert not plot_run(tmp_path)
    log = TrainingLog(tmp_path)
    for step in range(1, 20):
        log.add(step, 0, step - 1, {"loss": 1 / step, "learning_rate": 0.1, "margin": 0.2})
    log.add(19, 1, 0, {"top1": 0.5, "top5": 0.6, "mar@10": 0.1, "row_f1": 0.4})
    log.close()
    assert plot_run(tmp_path)
    with Image.open(tmp_path / "training.png") as image:
        assert image.size == (900, 900)
