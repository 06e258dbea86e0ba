# SPDX-License-Identifier: Apache-2.0
"""Two models on the same pictures: how alike they embed, and what it costs in accuracy.

run           what users call: `verify`
findings      what it found, judged by limits
float16_ends  what float16 at the ends of a compiled model explains
"""

from mgn_fast.verification.findings import (
    Drift,
    Float16Ends,
    Limits,
    Retrieval,
    Verification,
    VerifiedModel,
)
from mgn_fast.verification.run import verify

__all__ = ["Drift", "Float16Ends", "Limits", "Retrieval", "Verification", "VerifiedModel", "verify"]
