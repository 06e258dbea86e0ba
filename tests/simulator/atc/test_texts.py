# SPDX-License-Identifier: Apache-2.0
import re

import pytest

from mgn_fast.cann.diagnosis import diagnose
from mgn_fast.errors import InvalidInputError
from mgn_fast.simulator.atc.texts import _MESSAGES, AtcError, error_text, generation

ERROR = AtcError("E10016", value="imag", parameter="--input_shape")
STAMP = r"\[PID: \d+\] \d{4}-\d\d-\d\d-\d\d:\d\d:\d\d\.\d{3}\.\d{3}"


@pytest.mark.parametrize(
    ("version", "form"),
    [
        ("5.1", 0),
        ("5.1.RC1.alpha003", 0),
        ("6.3", 0),
        ("7.0", 1),
        ("8.0.RC3", 1),
        ("8.4", 1),
        ("8.5", 2),
        ("9.0", 2),
        ("10.1", 2),
        ("", 1),
    ],
)
def test_the_version_chooses_the_form(monkeypatch, version, form):
    monkeypatch.setenv("MGN_FAST_SIMULATED_CANN", version)
    assert generation() == form


def test_without_a_version_it_is_cann_8(monkeypatch):
    monkeypatch.delenv("MGN_FAST_SIMULATED_CANN", raising=False)
    assert generation() == 1


@pytest.mark.parametrize("text", ["8", "new", "8.0;x", "8.0\n"])
def test_other_words_are_refused(monkeypatch, text):
    monkeypatch.setenv("MGN_FAST_SIMULATED_CANN", text)
    with pytest.raises(InvalidInputError, match=r"expected a version such as '8\.0'"):
        generation()


@pytest.mark.parametrize(
    ("form", "head"),
    [
        (0, r"E10016: Opname \[imag\] specified in \[--input_shape\] is not found"),
        (1, rf"E10016: {STAMP} Opname \[imag\] specified in \[--input_shape\] is not found"),
        (
            2,
            rf"{STAMP} Invalid_Argument_Operator_Name\(E10016\): Opname imag specified in --input_",
        ),
    ],
)
def test_each_form_has_its_head_and_its_brackets(form, head):
    first, second = error_text(ERROR, form).splitlines()
    assert re.match(head, first)
    assert second.startswith("        Solution: ")


def test_an_error_without_a_code_of_its_own_has_a_banner_at_first():
    error = AtcError("E19999", reason="something")
    assert error_text(error, 0) == "E19999: Inner Error!\n        something\n"
    assert re.fullmatch(rf"E19999: {STAMP} something\n", error_text(error, 1))


@pytest.mark.parametrize("form", range(3))
@pytest.mark.parametrize("code", _MESSAGES)
def test_the_reader_of_messages_knows_every_one(code, form):
    names = re.findall(r"\{(\w+)\}", _MESSAGES[code][1])
    error = AtcError(code, **dict.fromkeys(names, "something"))
    found = diagnose(error_text(error, form))
    assert found.codes == (code,)
    assert "no reason that is known" not in found.cause
    assert found.text
