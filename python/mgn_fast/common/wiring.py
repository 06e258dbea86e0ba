# SPDX-License-Identifier: Apache-2.0
"""The one call that runs up the floors: embedders ask for what tuning found, and tuning runs them.

The package sets it when it is imported.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

# The workers and the options of `open_session` that are fastest for a model on this machine.
tuned_options: Callable[..., tuple[int, dict[str, Any]]]
