# SPDX-License-Identifier: Apache-2.0
"""What build_wheels is made of.

- check: what must hold of a wheel's file: tags, floor, size, what it needs and brings
- compiler: the pinned Clang for an old C library, and a wheel built with it
- interpreters: this machine's Pythons
- pythons: headers of the Pythons to build for, and where a wheel of one can be tried
- summary: what became of each wheel, as a table and as JSON
- trial: a wheel installed where nothing else is, and tried
"""


class WheelError(Exception):
    """What is wrong with a wheel or with what it is made from, and what to do."""
