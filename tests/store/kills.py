"""Writers that are killed in the middle of their work, and what must be left of it.

As a program it reads lines ``place TAB way`` and forks a writer for each; as a module it starts
that program, kills the writers at random moments and looks at what is there. A thorough run:
``MATCHER_KILLS=200 pytest tests/store/test_store_kills.py``.
"""

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
from scipy.sparse import csr_array

from matcher.store import About, Edges, KeptEncoder, ListingColumns, create_store, open_store

ABOUT = About(
    "",
    (
        KeptEncoder("picture", "p", "dense", 64),
        KeptEncoder("words", "w", "sparse", 100),
        KeptEncoder("hash", "h", "hash", 64),
    ),
)
A_BATCH = 4  # listings
SOON = 0.03  # seconds
WAYS = ("whole", "in two writes", "told too early")


def values(batch):
    """The vectors of a batch, by encoder."""
    numbers = batch * A_BATCH + np.arange(A_BATCH)
    dense = np.repeat(numbers[:, None], 64, 1).astype(np.float32)
    sparse = csr_array((dense[:, 0] + 1, numbers % 100, np.arange(A_BATCH + 1)), (A_BATCH, 100))
    return {"picture": ("p", dense), "words": ("w", sparse), "hash": ("h", numbers.astype("u8"))}


def add_listings(write, batch):
    ids = [f"{batch}-{n}" for n in range(A_BATCH)]
    return write.add_listings(ListingColumns(ids=ids, titles=ids, digests=ids))


def add_the_rest(write, rows, batch):
    for name, (fingerprint, vectors) in values(batch).items():
        write.add_vectors(name, fingerprint, rows, vectors)
    write.add_edges(Edges(rows[:-1], rows[1:], np.ones(A_BATCH - 1, np.float32)))
    clusters = write.add_clusters(1)
    write.assign(rows, np.repeat(clusters, A_BATCH))
    write.add_events(["created"], clusters, [rows.tolist()])


def write_batches(place, way):
    """Write one batch after another, and tell of each once it is kept."""
    with open_store(place) as store:
        with store.read() as read:
            batch = read.revision + 1
        while True:
            with store.write() as write:
                rows = add_listings(write, batch)
                if way != "in two writes":
                    add_the_rest(write, rows, batch)
                if way == "told too early":
                    os.write(1, f"kept {batch}\n".encode())
                    time.sleep(0.005)
            if way == "in two writes":
                time.sleep(0.005)
                with store.write() as write:
                    add_the_rest(write, rows, batch)
            if way != "told too early":
                os.write(1, f"kept {batch}\n".encode())
            batch += 1


def serve():
    """Fork a writer for every line that comes in: importing takes longer than writing."""
    for line in sys.stdin:
        place, way = line.rstrip("\n").split("\t")
        writer = os.fork()
        if not writer:
            try:
                write_batches(place, way)
            finally:
                os._exit(1)
        os.write(1, f"pid {writer}\n".encode())
        os.waitpid(writer, 0)
        os.write(1, b"dead\n")


class Nursery:
    """Starts writers and kills them."""

    def __init__(self, root):
        self.process = subprocess.Popen(
            [sys.executable, "-W", "ignore", __file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(root)},
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait(60)
        self.process.stdout.close()

    def kill_one(self, place, way, seed):
        """Let a writer write for a moment, kill it, and return the last batch it told of."""
        chance = random.Random(seed)
        wait_for, moment = chance.choice([0, 1, 1, 1, 3]), chance.uniform(0, SOON)
        print(place, way, sep="\t", file=self.process.stdin, flush=True)
        writer, told = 0, []
        while not writer or len(told) < wait_for:
            name, _, number = self._line()
            if name == "pid":
                writer = int(number)
            elif name == "kept":
                told.append(int(number))
            else:
                raise AssertionError("the writer ended by itself")
        time.sleep(moment)
        os.kill(writer, signal.SIGKILL)
        while True:
            name, _, number = self._line()
            if name == "dead":
                return max(told, default=0)
            told.append(int(number))

    def _line(self):
        line = self.process.stdout.readline()
        assert line, "the nursery died"
        return line.rstrip("\n").partition(" ")


def faults(place, told):
    """What is not as it must be after a kill; a batch is there as a whole or not at all."""
    with open_store(place) as store, store.read() as read:
        n, _found = read.revision, []
        ids = [f"{batch}-{k}" for batch in range(1, n + 1) for k in range(A_BATCH)]
        rows = np.arange(1, n * A_BATCH + 1)
        edges, inner = read.edges(), rows[rows % A_BATCH != 0]
        expected = {
            "told of and lost": n >= told,
            "listings": list(read.listings().ids) == ids,
            "edges": np.array_equal([edges.left, edges.right], [inner, inner + 1]),
            "membership": np.array_equal(read.membership().clusters, np.repeat(range(1, n + 1), 4)),
            "events": read.events().revisions.tolist() == list(range(1, n + 1)),
        }
        for name, kept in read_vectors(read).items():
            every = [values(batch)[name][1] for batch in range(1, n + 1)]
            dense = [one.toarray() if name == "words" else one for one in every]
            expected[name] = np.array_equal(kept, np.concatenate(dense)) if n else len(kept) == 0
        return [name for name, right in expected.items() if not right]


def read_vectors(read):
    every = {encoder.name: read.vectors(encoder.name).values for encoder in ABOUT.encoders}
    return {name: v.toarray() if name == "words" else v for name, v in every.items()}


def kill_writers(place, root, times, way="whole", seed=0):
    """Kill so many writers of one store, one after another.

    Returns:
        The faults that the first of them left, if any; and how many batches were kept.
    """
    create_store(place, ABOUT).close()
    told = 0
    with Nursery(root) as nursery:
        for number in range(times):
            told = max(told, nursery.kill_one(place, way, f"{seed} {number}"))
            if found := faults(place, told):
                return found, told
    return [], told


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    serve()
