# SPDX-License-Identifier: Apache-2.0
"""One module a command: its options, and what it says."""

__all__: list[str] = []
