"""The same steps from the same state: bit for bit, on one machine and build."""

from __future__ import annotations

import os

_FLAG = "--xla_gpu_deterministic_ops=true"


def be_deterministic(seed: int, strictly: bool = True) -> None:
    """Seed Keras, and have its backend add numbers in an order that stays the same.

    To be called before the backend has computed anything. It holds for the whole process, and
    costs some speed on a GPU.

    Args:
        seed: Of whatever draws random numbers without a seed of its own.
        strictly: Whether to choose deterministic operations as well.
    """
    import keras

    keras.utils.set_random_seed(seed)
    backend = keras.backend.backend() if strictly else ""
    if backend == "tensorflow":
        import tensorflow as tf

        tf.config.experimental.enable_op_determinism()
    if backend == "jax" and _FLAG not in os.environ.get("XLA_FLAGS", ""):
        os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {_FLAG}".strip()
