"""SimCLR: two views of a picture find each other among the views of all others; no labels.

For a view i and the other view j of the same picture (NT-Xent):

    loss_i = -log( exp(z_i · z_j / τ) / Σ_{k≠i} exp(z_i · z_k / τ) )

z are embeddings of length 1; the loss is the mean over the views whose other view is there.

Source: Chen et al., ICML 2020, arXiv:2002.05709, eq. 1.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from pydantic import Field

from matcher.losses._base import Labels, LossSettings

if TYPE_CHECKING:
    from matcher.losses._head import Head


class Spec(LossSettings):
    """Settings. Labels number the pictures of a batch: the views of one have the same.

    Attributes:
        temperature: τ, above 0.
    """

    labels: ClassVar[Labels] = "views"
    compares: ClassVar[bool] = True
    has_centers: ClassVar[bool] = False

    temperature: float = Field(0.1, gt=0)

    def loss(self, head: Head, embeddings: Any, labels: Any, training: bool) -> Any:
        """Loss of a batch."""
        from keras import ops

        from matcher.losses import _operations as of

        vectors = of.unit(embeddings)
        alike, views = of.same_class(labels)
        similarities = ops.matmul(vectors, ops.transpose(vectors)) / self.temperature
        return of.mean_log_share(similarities, views, ops.logical_not(alike))
