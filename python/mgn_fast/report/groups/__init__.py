# SPDX-License-Identifier: Apache-2.0
"""The page of a gallery's groups: who is the same person, as far as pictures tell.

render  the page; words: what it calls things
"""

__all__: list[str] = []
