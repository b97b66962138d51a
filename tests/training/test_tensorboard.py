"""What TensorBoard is given is what log.csv holds."""

import struct

import pytest

from matcher.training.logs import TrainingLog, read_log

pytest.importorskip("tensorboardX")


def read_events(folder):
    """Values by name and step; a record is a length, its checksum, an event, its checksum."""
    from tensorboardX.proto.event_pb2 import Event

    found = {}
    for path in sorted(folder.iterdir()):
        content, at = path.read_bytes(), 0
        while at < len(content):
            (length,) = struct.unpack_from("<Q", content, at)
            event = Event.FromString(content[at + 12 : at + 12 + length])
            found |= {(v.tag, event.step): v.simple_value for v in event.summary.value}
            at += length + 16
    return found


def test_events_hold_what_the_log_holds(tmp_path):
    log = TrainingLog(tmp_path, tensorboard=True)
    for step in range(1, 4):
        log.add(step, 0, step - 1, {"loss": 3.5 / step, "learning_rate": 1e-4, "margin": None})
    log.add(3, 0, 3, {"top1": 0.5, "mar@10": 0.25})
    log.close()
    events = read_events(tmp_path / "tensorboard")
    rows = read_log(tmp_path / "log.csv")
    told = {
        (name.replace("@", "_at_"), row["step"]): value
        for row in rows
        for name, value in row.items()
        if name not in ("step", "epoch", "batch")
    }
    assert events == pytest.approx(told, rel=1e-5)
    assert len(events) == 2 * 3 + 2
