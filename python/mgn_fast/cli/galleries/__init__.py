# SPDX-License-Identifier: Apache-2.0
"""What commands do with galleries, between reading their words and telling what came of it.

adding           `embed -o NAME.gallery`
queries          what `search` seeks
searching        the search; found: what came of it as data; telling: as lines, JSON and a table
keeping          `evaluate --keep`; labelled: labelled galleries as a dataset
grouping         `group`
editing          `gallery` with its actions
contract_in_use  a gallery's contract, and the parts of embeddings
"""

__all__: list[str] = []
