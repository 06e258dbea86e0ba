# SPDX-License-Identifier: Apache-2.0
"""The rates of MGN that were published for Ascend chips: data, shown beside ours."""

from __future__ import annotations

# Images per second by batch size: Ascend 310P, one chip, July 2022, from the table of the recipe's
# README. They count the execute call alone; reading, copying and text output are left out.
ASCEND_310P = {1: 640.829, 4: 1453.49, 8: 1519.17, 16: 1388.27, 32: 1367.63, 64: 1364.84}
SOURCE = "MGN's published table, Ascend 310P, July 2022: the execute call alone"


def published_rate(soc_name: str, batch_size: int) -> float | None:
    """Published images per second of a chip at a batch size; None where none are published."""
    return ASCEND_310P.get(batch_size) if soc_name.startswith("Ascend310P") else None
