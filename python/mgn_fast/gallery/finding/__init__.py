# SPDX-License-Identifier: Apache-2.0
"""What a search may be besides the nearest rows of one gallery.

combining  several embeddings as one
joining    several galleries, searched as one
refining   expanded queries, a threshold, and pictures that are not to be found
"""

__all__: list[str] = []
