# SPDX-License-Identifier: Apache-2.0
"""Parts of the body: what each sees of a picture. MGN's eight are known by name, with their heads.

Which parts an embedding has, how wide they are and in which order they come, says its contract.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from mgn_fast.models.contract import EMBEDDING_WIDTH, Part

Region = Literal["whole", "half", "third", "unknown"]


@dataclass(frozen=True)
class BodyPart:
    """One part of an embedding: its name, and the stripe of the picture it sees.

    Attributes:
        name: what the contract calls it; of MGN's, the output that holds it alone.
        head: the classifier's name in a checkpoint of MGN; "" for others.
        region: the size of the stripe that it sees; "unknown" where nobody says what it sees.
        top: where the stripe begins, as a share of the picture's height; 0 if it is not known.
        bottom: where it ends; 0 if it is not known.
    """

    name: str
    head: str
    region: Region
    top: float
    bottom: float

    @property
    def logits(self) -> str:
        """The name of its classifier's output."""
        return f"logits_{self.name}"


# In the order of the embedding. The whole body comes three times, once from each branch.
PARTS = (
    BodyPart("fg_p1", "fc_id_2048_0", "whole", 0.0, 1.0),
    BodyPart("fg_p2", "fc_id_2048_1", "whole", 0.0, 1.0),
    BodyPart("fg_p3", "fc_id_2048_2", "whole", 0.0, 1.0),
    BodyPart("f0_p2", "fc_id_256_1_0", "half", 0.0, 1 / 2),
    BodyPart("f1_p2", "fc_id_256_1_1", "half", 1 / 2, 1.0),
    BodyPart("f0_p3", "fc_id_256_2_0", "third", 0.0, 1 / 3),
    BodyPart("f1_p3", "fc_id_256_2_1", "third", 1 / 3, 2 / 3),
    BodyPart("f2_p3", "fc_id_256_2_2", "third", 2 / 3, 1.0),
)
# Those of the whole body, which the recipe's files hold by themselves too.
WHOLE_PARTS = PARTS[:3]
PART_WIDTH = EMBEDDING_WIDTH // len(PARTS)
_BY_NAME = {part.name: part for part in PARTS}


def body_parts(parts: Sequence[Part]) -> tuple[BodyPart, ...]:
    """What the parts of an embedding see, in their order.

    Args:
        parts: names and widths, as a contract has them.

    Returns:
        MGN's own by their names; any other with region "unknown".
    """
    return tuple(_BY_NAME.get(name) or BodyPart(name, "", "unknown", 0.0, 0.0) for name, _ in parts)
