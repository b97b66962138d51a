"""Supervised contrastive loss, with a memory of earlier batches (XBM).

For a row i, its mates P(i), and all it is compared with A(i), itself left out:

    loss_i = -mean over p in P(i) of log( exp(z_i · z_p / τ) / Σ_{a in A(i)} exp(z_i · z_a / τ) )

z are embeddings of length 1; the loss is the mean over the rows that have a mate, 0 if none has.
With a memory, A(i) is the rest of the batch and the last ``memory`` embeddings of earlier
batches, as they were then and without gradient; the batch joins the memory after its loss is
known, so that no row meets itself.

Source: Khosla et al., NeurIPS 2020, arXiv:2004.11362, eq. 2 (L_out). Memory: Wang et al., CVPR
2020, arXiv:1912.06798, algorithm 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from pydantic import Field

from matcher.losses._base import LossSettings

if TYPE_CHECKING:
    from matcher.losses._head import Head

TINY: dict[str, Any] = {"memory": 6}  # for the contract test
EMPTY = -1  # label of a place in the memory that nothing has been put in


class Spec(LossSettings):
    """Settings.

    Attributes:
        temperature: τ, above 0.
        memory: Embeddings of earlier batches to compare with; 0 for none. It takes
            4 * memory * width bytes, and is saved with the weights.
        warm_up: Batches before the memory is compared with: at first, embeddings change too
            fast for old ones to mean anything. It fills from the first batch on.
    """

    compares: ClassVar[bool] = True
    has_centers: ClassVar[bool] = False

    temperature: float = Field(0.1, gt=0)
    memory: int = Field(0, ge=0)
    warm_up: int = Field(0, ge=0)

    def prepare(self, head: Head) -> None:
        """Add the memory: embeddings, labels, where to write next, and batches seen."""
        if self.memory:
            empty = np.full(self.memory, EMPTY, np.int32)
            head.memory = head.add_state("memory", np.zeros((self.memory, head.width), np.float32))
            head.memory_labels = head.add_state("memory_labels", empty)
            head.cursor = head.add_state("cursor", np.int32(0))
            head.batches = head.add_state("batches", np.int32(0))

    def loss(self, head: Head, embeddings: Any, labels: Any, training: bool) -> Any:
        """Loss of a batch."""
        from keras import ops

        from matcher.losses import _operations as of

        vectors = of.unit(embeddings)
        columns = vectors
        alike, mates = of.same_class(labels)
        others = ops.logical_not(alike)
        if self.memory and training:
            kept = ops.convert_to_tensor(head.memory)
            kept_labels = ops.convert_to_tensor(head.memory_labels)
            known = ops.logical_and(kept_labels != EMPTY, head.batches >= self.warm_up)[None, :]
            same = labels[:, None] == kept_labels[None, :]
            columns = ops.concatenate([vectors, kept])
            mates = ops.concatenate([mates, ops.logical_and(same, known)], axis=1)
            differs = ops.logical_and(ops.logical_not(same), known)
            others = ops.concatenate([others, differs], axis=1)
            self._remember(head, ops.stop_gradient(vectors), labels, kept, kept_labels)
        similarities = ops.matmul(vectors, ops.transpose(columns)) / self.temperature
        return of.mean_log_share(similarities, mates, others)

    def _remember(self, head: Head, vectors: Any, labels: Any, kept: Any, kept_labels: Any) -> None:
        """Put the batch in place of the oldest; of a batch larger than the memory, its end."""
        from keras import ops

        last, last_labels = vectors[-self.memory :], labels[-self.memory :]
        n_rows = ops.shape(last)[0]
        start = ops.convert_to_tensor(head.cursor)
        places = (start + ops.arange(n_rows, dtype="int32")) % self.memory
        head.memory.assign(ops.scatter_update(kept, places[:, None], last))
        head.memory_labels.assign(ops.scatter_update(kept_labels, places[:, None], last_labels))
        head.cursor.assign((start + n_rows) % self.memory)
        head.batches.assign(ops.minimum(head.batches + 1, self.warm_up))
