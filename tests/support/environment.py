# SPDX-License-Identifier: Apache-2.0
"""The environment of programs that tests compile and start."""

import os


def without_preloaded():
    """This process's, but for a sanitizer's library that .ci/sanitize may have loaded into it."""
    return {key: value for key, value in os.environ.items() if key != "LD_PRELOAD"}
