# SPDX-License-Identifier: Apache-2.0
"""Verification: are these two pictures of one person, by a threshold on their distance?

pairs   pairs of queries and gallery pictures, counted: `verification_curve`
curve   what thresholds accept: rates, a table of them, intervals
"""

from mgn_fast.evaluation.roc.curve import Acceptance, OperatingPoint, VerificationCurve
from mgn_fast.evaluation.roc.pairs import verification_curve

__all__ = ["Acceptance", "OperatingPoint", "VerificationCurve", "verification_curve"]
