# SPDX-License-Identifier: Apache-2.0
"""What a gallery's file is made of: NumPy arrays one after another, to be mapped and appended to.

Owns the bytes; `reader` and `writer` use them. Knows neither pictures nor models.

Note [gallery file]. The arrays, each as `numpy.save` writes it:
  description  uint8 [k]      JSON: what the embeddings are of
  probe        float32 [P]    the embedding of a fixed picture, by which a model is known again
  commits      uint8 [2, C]   two records of how far the file is whole
  then for each batch
  text         uint8 [k]      JSON: names, contents' SHA-256, the folder that names lie in, and
                              labels by row; or an edit, see Note [gallery edits] in `edits`
  rows         [n, D]         embeddings, float32 or float16, at a multiple of 64 bytes
  check        uint32 [16]    the CRC-32 of text and rows; the rest is 0
A batch is appended behind the last one and becomes part of the gallery when one of the two commit
records is overwritten, the older one, by one that counts it. So a writer that dies at any moment
leaves a gallery that holds all of a batch or nothing; what lies behind the committed bytes is
overwritten by the next writer. Committed bytes never change, so that readers need no lock. Each
byte of them is covered by a CRC-32 and the records cover the CRCs; no state that a writer leaves
behind has a record that does not match its own, so that one is damage and refused.
The schema's last digit is the one byte of the committed ones that changes, from 1 to 2, before the
first batch of edits or labels: versions of this package that know neither refuse the file by its
schema, instead of showing what was removed. A writer that dies behind that step leaves a 2 that
the newest record does not know of; it is taken for the 1 that it was.
"""

from __future__ import annotations

import itertools
import json
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Protocol

import numpy as np

from mgn_fast.errors import DatasetError
from mgn_fast.gallery.arrays import array_bytes, array_header, text_bytes
from mgn_fast.types import AnyArray, F32Array

Labels = dict[str, Any]
# Keys of labels whose values are texts; any other key has any JSON value.
WORDS = ("person", "camera")

# The second is that of files with what the first one's readers do not know: labels and edits.
SCHEMAS = ("mgn_fast.gallery/1", "mgn_fast.gallery/2")
# What every description begins with; the next byte is the schema's digit.
BEFORE_DIGIT = b'{"schema": "mgn_fast.gallery/'
DTYPES = ("float32", "float16")
COMMIT_BYTES = 512
CHECK_SIZE = 16
# Rows of a merged batch: when a file is read threads check a batch each, and a name costs the
# reading of its batch's text, some 10 ms.
MERGED_ROWS = 1 << 14


@dataclass(frozen=True)
class Commit:
    """A record in the file of how many of its bytes and rows belong to the gallery.

    Attributes:
        number: of commits before this one.
        end: bytes that belong to the gallery.
        num_rows: in them.
        crc: CRC-32 over the checks of all batches.
        head_crc: CRC-32 of description and probe.
    """

    number: int
    end: int
    num_rows: int
    crc: int
    head_crc: int

    def to_bytes(self) -> bytes:
        """The record as COMMIT_BYTES bytes: a text's CRC-32 in hexadecimal, then the text."""
        text = json.dumps(vars(self)).encode().ljust(COMMIT_BYTES - 8)
        return b"%08x" % zlib.crc32(text) + text

    @classmethod
    def from_bytes(cls, record: bytes) -> Commit | None:
        """The commit that a record of COMMIT_BYTES bytes holds; None if it is torn or damaged."""
        if record[:8] != b"%08x" % zlib.crc32(record[8:]):
            return None
        try:
            fields = json.loads(record[8:])
            commit = cls(**fields)
        except (ValueError, TypeError, RecursionError):
            return None
        numbers = all(type(x) is int and x >= 0 for x in vars(commit).values())
        return commit if numbers else None


class Pictures(Protocol):
    """Neighbouring pictures of one folder: a batch as it came, or what edits left of it."""

    @property
    def rows(self) -> AnyArray:
        """Embeddings [n, D], read-only."""

    @property
    def names(self) -> list[str]:
        """Names of the rows' pictures."""

    @property
    def sha256(self) -> list[str]:
        """SHA-256 of the pictures' files."""

    @property
    def folder(self) -> str:
        """The folder that names are relative to, itself relative to the gallery."""

    def label(self, row: int) -> Labels:
        """The labels of a row's picture."""


@dataclass(frozen=True, eq=False)
class Batch:
    """Rows that came into the gallery together, with the names and hashes of their pictures.

    Attributes:
        rows: float32 or float16 [n, D], read-only.
        text: JSON as in the file.
    """

    rows: AnyArray
    text: bytes | memoryview

    @cached_property
    def described(self) -> dict[str, Any]:
        """The parsed text, in memory from the first use on.

        Returns:
            "names" and "sha256", as many as there are rows, "folder", and "labels" by row.

        Raises:
            DatasetError: it is something else: the CRC-32 keeps damage away, not other writers.
        """
        try:
            described: dict[str, Any] = json.loads(bytes(self.text))
            lists = [described["names"], described["sha256"]]
            fits = all(len(texts) == len(self.rows) for texts in lists)
            if not fits or not all(isinstance(text, str) for texts in lists for text in texts):
                raise ValueError(f"expected {len(self.rows)} names and as many SHA-256")
            described["folder"] += ""
            require_labels(described.setdefault("labels", {}), len(self.rows))
        except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
            raise DatasetError(
                f"a batch of {len(self.rows)} pictures in a gallery is not described: {error!r}"
            ) from error
        return described

    @property
    def names(self) -> list[str]:
        """Names of the rows' pictures."""
        names: list[str] = self.described["names"]
        return names

    @property
    def sha256(self) -> list[str]:
        """SHA-256 of the pictures' files, 64 hexadecimal digits each."""
        sha256: list[str] = self.described["sha256"]
        return sha256

    @property
    def folder(self) -> str:
        """The folder that names are relative to, itself relative to the gallery; "" if unknown."""
        return str(self.described["folder"])

    def label(self, row: int) -> Labels:
        """The labels of a row's picture; {} where it has none."""
        labels: Labels = self.described["labels"].get(str(row), {})
        return labels

    @property
    def schema(self) -> str:
        """The oldest schema whose readers know all that the batch says."""
        return SCHEMAS["edit" in self.described or bool(self.described["labels"])]

    @classmethod
    def of(
        cls,
        rows: AnyArray,
        names: Sequence[str],
        sha256: Sequence[str],
        folder: str = "",
        labels: Sequence[Labels] = (),
    ) -> Batch:
        """A batch in memory, of rows, names, hashes, a folder and labels that are in no file yet.

        Args:
            rows: float32 or float16 [n, D].
            names: n.
            sha256: n.
            folder: that the names are relative to.
            labels: n, or none at all.

        Returns:
            The batch.
        """
        described: dict[str, Any] = {"names": list(names), "sha256": list(sha256), "folder": folder}
        labelled = {str(row): label for row, label in enumerate(labels) if label}
        if labelled:
            described["labels"] = labelled
        # Names that are no UTF-8 come as lone surrogates, which JSON's escapes carry.
        return cls(rows, json.dumps(described).encode())

    def to_parts(self, offset: int) -> tuple[bytes, memoryview, bytes]:
        """The bytes of a batch at an offset: all before the rows' numbers, these, and the check."""
        header = array_header(self.rows.dtype, self.rows.shape)
        before = text_bytes(bytes(self.text), offset, len(header)) + header
        rows = np.ascontiguousarray(self.rows)
        data = memoryview(rows.data).cast("B") if rows.size else memoryview(b"")
        check = np.zeros(CHECK_SIZE, "<u4")
        check[0] = zlib.crc32(data, zlib.crc32(before))
        return before, data, array_bytes(check)


def head_bytes(description: dict[str, Any], probe: F32Array) -> bytes:
    """The whole file of a gallery without pictures: description, probe, two commit records."""
    text = json.dumps({"schema": ""} | description | {"schema": SCHEMAS[0]}).encode()
    probe_bytes = array_bytes(probe.astype("<f4"))
    records_header = array_header(np.uint8, (2, COMMIT_BYTES))
    # A record in the middle of a page could be torn by the end of the process that writes it.
    behind = len(probe_bytes) + len(records_header)
    head = text_bytes(text, 0, behind, COMMIT_BYTES) + probe_bytes + records_header
    commit = Commit(0, len(head) + 2 * COMMIT_BYTES, 0, 0, zlib.crc32(head))
    return head + 2 * commit.to_bytes()


def merged(batches: Iterable[Pictures], moved: Callable[[str], str]) -> Iterator[Batch]:
    """The same pictures in the same order in as few batches as their folders and sizes allow.

    Args:
        batches: any.
        moved: gives a batch's folder its new name.

    Yields:
        Batches of at most MERGED_ROWS rows, or a larger one as it was.
    """
    for folder, group in itertools.groupby(batches, key=lambda batch: batch.folder):
        waiting: list[Pictures] = []
        num_rows = 0
        for batch in group:
            num_rows += len(batch.rows)
            if waiting and num_rows > MERGED_ROWS:
                yield _joined(waiting, moved(folder))
                waiting, num_rows = [], len(batch.rows)
            waiting.append(batch)
        yield _joined(waiting, moved(folder))


def require_labels(labels: Any, num_rows: int) -> None:
    """Raises ValueError unless they are labels by row number, as texts in the file have them."""
    for row, label in labels.items():
        if not row.isascii() or not row.isdigit() or int(row) >= num_rows:
            raise ValueError(f"labels of row {row}, expected 0 to {num_rows - 1}")
        if not isinstance(label, dict):
            raise ValueError(f"the labels of row {row} are {label!r}")
        if not all(isinstance(label.get(key, ""), str) for key in WORDS):
            raise ValueError(f"person and camera of row {row} are {label!r}, expected texts")


def _joined(batches: Sequence[Pictures], folder: str) -> Batch:
    names = [name for batch in batches for name in batch.names]
    sha256 = [digest for batch in batches for digest in batch.sha256]
    labels = [batch.label(row) for batch in batches for row in range(len(batch.rows))]
    rows = np.concatenate([batch.rows for batch in batches])
    return Batch.of(rows, names, sha256, folder, labels)
