# SPDX-License-Identifier: Apache-2.0
"""The families of MGN whose checkpoints are read: what differs between them, and telling them.

All are ResNet-50 at 384 x 128 with three branches and eight parts. Knows names and shapes only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Literal

from mgn_fast.models.contract import Interpolation, Part
from mgn_fast.models.parts import PART_WIDTH, PARTS

PoolKind = Literal["max", "avg"]

NUM_IDENTITIES = 751  # of Market-1501's training set, which ReID-MGN's checkpoint was trained on
POOLED_WIDTH = 2048  # channels of a branch, which a part's reduction makes fewer
# The name that all families' trunks have here, whatever a file calls them.
TRUNK = "backbone"

_Shapes = Mapping[str, tuple[int, ...]]


@dataclass(frozen=True)
class Design:
    """What distinguishes one MGN from another.

    Attributes:
        title: the family, for messages.
        trunk: what its checkpoints call the shared layers.
        shared_reduction: one reduction for all eight parts, or one for each.
        wide_heads: the whole parts' classifiers see the pooled channels, not the reduced ones.
        order: the embedding's parts, as indexes into `PARTS`.
        pool: how a stripe becomes one vector; None where the checkpoint cannot say.
        interpolation: how its training resized pictures.
        part_width: of each part.
        num_identities: width of the classifiers; None where there are none.
    """

    title: str
    trunk: str = TRUNK
    shared_reduction: bool = False
    wide_heads: bool = False
    order: tuple[int, ...] = tuple(range(len(PARTS)))
    pool: PoolKind | None = "max"
    interpolation: Interpolation = "pillow-bilinear"
    part_width: int = PART_WIDTH
    num_identities: int | None = NUM_IDENTITIES

    @property
    def parts(self) -> tuple[Part, ...]:
        """Names and widths of the embedding's parts, in its order."""
        return tuple((PARTS[index].name, self.part_width) for index in self.order)

    @property
    def embedding_width(self) -> int:
        """Of all parts together."""
        return len(self.order) * self.part_width

    def reduction(self, index: int) -> str:
        """The name of the reduction that serves a part, given as an index into `PARTS`."""
        return "reduction" if self.shared_reduction else f"reduction_{index}"

    def sees_pooled(self, index: int) -> bool:
        """Whether the classifier of a part sees its pooled channels."""
        return self.wide_heads and PARTS[index].region == "whole"

    def head_width(self, index: int) -> int:
        """How many values the classifier of a part sees."""
        return POOLED_WIDTH if self.sees_pooled(index) else self.part_width

    def in_file(self, name: str) -> str:
        """What a checkpoint of this family calls a parameter that is `name` here."""
        return self.trunk + name[len(TRUNK) :] if name.startswith(f"{TRUNK}.") else name


REID_MGN = Design("ReID-MGN", shared_reduction=True, interpolation="pillow-bicubic")
# Pooling is an option of its training and stands nowhere in its files.
MGN_PYTORCH = Design("seathiefwang's MGN-pytorch", trunk="backone", pool=None)
LEVYFAN = Design("levyfan's reid-mgn", wide_heads=True, order=(0, 1, 3, 4, 2, 5, 6, 7))
FAMILIES = (REID_MGN, MGN_PYTORCH, LEVYFAN)


def design_of(shapes: _Shapes) -> Design:
    """The family and the sizes of a checkpoint, by its parameters' names and shapes.

    Eight reductions belong to two families, which the whole parts' classifiers tell apart, or the
    trunk's name where there are none. A checkpoint that is no MGN gives ReID-MGN's.

    Args:
        shapes: by name, as the file has them.

    Returns:
        The design; its pool is None where the file does not say how stripes are pooled.
    """
    misspelt = any(name.startswith(f"{MGN_PYTORCH.trunk}.") for name in shapes)
    heads = [shape for part in PARTS if len(shape := shapes.get(f"{part.head}.weight", ())) == 2]
    num_identities = _most_frequent([shape[0] for shape in heads]) or None
    if "reduction_0.0.weight" not in shapes and not misspelt:
        return _sized(REID_MGN, shapes, num_identities)
    whole = shapes.get(f"{PARTS[0].head}.weight", ())
    narrow = len(whole) == 2 and whole[1] != POOLED_WIDTH
    if misspelt or narrow:
        trunk = MGN_PYTORCH.trunk if misspelt else TRUNK
        return _sized(replace(MGN_PYTORCH, trunk=trunk), shapes, num_identities)
    if len(whole) != 2:
        # It may be a copy of the other family with the trunk's name put right.
        title = f"{LEVYFAN.title} or {MGN_PYTORCH.title}"
        return _sized(replace(LEVYFAN, title=title, pool=None), shapes, num_identities)
    return _sized(LEVYFAN, shapes, num_identities)


def _sized(design: Design, shapes: _Shapes, num_identities: int | None) -> Design:
    widths = [
        shape[0]
        for index in range(len(PARTS))
        if len(shape := shapes.get(f"{design.reduction(index)}.0.weight", ())) == 4
    ]
    width = _most_frequent(widths) or design.part_width
    return replace(design, part_width=width, num_identities=num_identities)


def _most_frequent(sizes: list[int]) -> int:
    """By majority, so that the others are found misshapen afterwards; 0 where there are none."""
    return max(sizes, key=sizes.count, default=0)
