# SPDX-License-Identifier: Apache-2.0
"""Whether a model does what it should: beside another model, or by what it makes of pictures.

run           what users call: `verify`
preparation   whether pictures are prepared as a model wants them
findings      what `verify` found, judged by limits
doubtful      what makes its figures doubtful
float16_ends  what float16 at the ends of a compiled model explains
float16_layers  where float16 inside of it loses, as the simulator computes it
"""

from mgn_fast.verification.findings import (
    Drift,
    Float16Ends,
    LayerLoss,
    Limits,
    Prediction,
    Retrieval,
    Verification,
    VerifiedModel,
)
from mgn_fast.verification.preparation import PreparationCheck, check_preparation
from mgn_fast.verification.run import verify

__all__ = [
    "Drift",
    "Float16Ends",
    "LayerLoss",
    "Limits",
    "Prediction",
    "PreparationCheck",
    "Retrieval",
    "Verification",
    "VerifiedModel",
    "check_preparation",
    "verify",
]
