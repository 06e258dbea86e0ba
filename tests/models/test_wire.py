# SPDX-License-Identifier: Apache-2.0
import pytest

from mgn_fast.models import wire


def test_a_field_is_read_as_it_was_written():
    content = wire.entry(1, b"name") + wire.entry(200, b"x" * 300)
    found = list(wire.fields(memoryview(content)))
    assert [(number, bytes(value)) for number, value in found] == [(1, b"name"), (200, b"x" * 300)]
    assert [end for _, _, end in wire.spans(memoryview(content))][-1] == len(content)


@pytest.mark.parametrize("value", [0, 127, 128, 2**31, 2**63 - 1])
def test_numbers_are_read_as_they_were_written(value):
    ((number, found),) = wire.fields(memoryview(b"\x08" + wire.varint(value)))
    assert (number, wire.integer(found)) == (1, value)


def test_a_negative_number_is_its_complement():
    assert wire.integer((1 << 64) - 5) == -5


def test_numbers_of_fixed_width_are_their_bytes():
    content = b"\x0d\x00\x00\x80\x3f" + b"\x11" + bytes(8)
    assert [bytes(value) for _, value in wire.fields(memoryview(content))] == [
        b"\x00\x00\x80\x3f",
        bytes(8),
    ]


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"\x0b", "wire type 3"),
        (b"\x0a\x05ab", "2 are left"),
        (b"\x0a", "inside a number"),
        (b"\xff" * 11, "more than 64 bits"),
    ],
)
def test_what_is_no_message_is_refused(content, told):
    with pytest.raises(ValueError, match=told):
        list(wire.fields(memoryview(content)))


def test_texts_numbers_and_messages_are_told_apart():
    with pytest.raises(ValueError, match="the number 3"):
        wire.text(3)
    with pytest.raises(ValueError, match="bytes where"):
        wire.integer(memoryview(b"a"))


@pytest.mark.parametrize("values", [[], [0, 127, 128, 2**63]])
def test_packed_numbers_are_read_as_they_were_written(values):
    content = b"".join(map(wire.varint, values))
    assert list(wire.numbers(memoryview(content))) == values


@pytest.mark.parametrize(
    ("content", "told"), [(b"\x05\xff", "inside a number"), (b"\xff" * 11, "more than 64 bits")]
)
def test_packed_numbers_that_are_cut_or_too_long_are_refused(content, told):
    with pytest.raises(ValueError, match=told):
        list(wire.numbers(memoryview(content)))
