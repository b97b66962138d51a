"""Train an encoder of pictures, and say how good it is on products that it has not seen.

    python -m pipelines.train_image CONFIG --out RUN [--listings TABLE] [--images PATH]

The config has a fold to choose weights by and one to test on (``validation.fold``, ``test_fold``).
Afterwards the test fold is searched among itself: row F1 with the threshold of the other fold,
top-1, top-5 and MAR@10, of equal perceptual hashes, of the weights the training started from, and
of what it made of them. RUN holds the encoder (``matcher train``) and the figures,
``held_out.json``. The same command goes on where a run was cut off.

Configs: configs/training/shopee_image_small.yaml (two CPU cores), shopee_image.yaml (a GPU); their
headers say how long they take and what to expect.
"""

from __future__ import annotations

from pipelines._training import train_and_score

if __name__ == "__main__":
    raise SystemExit(train_and_score("image", __doc__))
