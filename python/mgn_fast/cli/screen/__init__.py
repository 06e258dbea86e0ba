# SPDX-License-Identifier: Apache-2.0
"""What a command shows while it runs, and how it ends."""

__all__: list[str] = []
