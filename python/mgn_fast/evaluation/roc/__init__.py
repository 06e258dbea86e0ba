# SPDX-License-Identifier: Apache-2.0
"""Verification: are these two pictures of one person, by a threshold on their distance?

curve   what thresholds accept: rates, a table of them, intervals
pairs   pairs of queries and gallery pictures, counted: `verification_curve`, which the room above
        offers, because a report holds a curve and pairs are counted beside a report
"""

from mgn_fast.evaluation.roc.curve import Acceptance, OperatingPoint, VerificationCurve

__all__ = ["Acceptance", "OperatingPoint", "VerificationCurve"]
