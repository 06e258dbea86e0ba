# SPDX-License-Identifier: Apache-2.0
"""Slow, obvious versions of what the package computes fast."""
