# SPDX-License-Identifier: Apache-2.0
"""Verification: are these two pictures of one person, by a threshold on their distance?

pairs   pairs of queries and gallery pictures, counted: `verification_curve`
curve   what thresholds accept: rates, a table of them, intervals
"""

# A report holds a curve and stands below the pairs, so that this face offers nothing itself.
__all__: list[str] = []
