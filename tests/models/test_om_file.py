# SPDX-License-Identifier: Apache-2.0
import json
from pathlib import Path

import pytest

from mgn_fast import ModelError
from mgn_fast.models.om_file import (
    HEADER_BYTES,
    announced_bytes,
    is_header,
    read_sidecar,
    sidecar_path,
)
from mgn_fast.simulator import write_om


def header(short, long):
    """By hand: four bytes at 76, eight at 184, little-endian."""
    head = bytearray(b"IMOD".ljust(HEADER_BYTES, b"\0"))
    head[76:80] = short.to_bytes(4, "little")
    head[184:192] = long.to_bytes(8, "little")
    return bytes(head)


@pytest.mark.parametrize(
    ("head", "is_one"),
    [
        (header(1, 1), True),
        (header(1, 1) + b"more", True),
        (header(1, 1)[:-1], False),
        (b"IMOE" + header(1, 1)[4:], False),
        (b"", False),
    ],
)
def test_a_header_is_told_by_its_magic_and_its_length(head, is_one):
    assert is_header(head) is is_one


@pytest.mark.parametrize(
    ("short", "long", "announced"), [(7, 0, 7), (7, 9, 9), (0, 1 << 40, 1 << 40), (0, 0, 0)]
)
def test_the_long_length_counts_unless_it_is_zero(short, long, announced):
    assert announced_bytes(header(short, long)) == announced


def test_what_is_written_for_the_simulator_is_such_a_container(tmp_path):
    content = write_om(tmp_path / "m.om").read_bytes()
    assert is_header(content)
    assert announced_bytes(content) == len(content) - HEADER_BYTES


def test_the_sidecar_has_the_whole_name_in_its_own():
    assert sidecar_path(Path("a/b.v2.om")) == Path("a/b.v2.om.json")


def test_the_sidecar_is_read_where_there_is_one(tmp_path):
    assert read_sidecar(tmp_path / "m.om") is None
    facts = {"contract": None, "aipp": True}
    (tmp_path / "m.om.json").write_text(json.dumps(facts))
    assert read_sidecar(tmp_path / "m.om") == facts


@pytest.mark.parametrize("text", ["", "{", "[]", "5", '{"aipp": true}', "[" * 10**5, " " * 2**21])
def test_a_sidecar_without_a_contract_is_refused_by_name(tmp_path, text):
    (tmp_path / "m.om.json").write_text(text)
    with pytest.raises(
        ModelError, match=r"m\.om\.json does not hold .*compile or adopt the model again"
    ):
        read_sidecar(tmp_path / "m.om")
