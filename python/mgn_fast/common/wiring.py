# SPDX-License-Identifier: Apache-2.0
"""The one call to a higher floor: an embedder with `auto=True` asks tuning for its options.

Importing the package sets it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# The workers and the options of `open_session` that are fastest for a model on this machine.
tuned_options: Callable[..., tuple[int, dict[str, Any]]]
