# SPDX-License-Identifier: Apache-2.0
import re

import pytest

from mgn_fast.errors import InvalidInputError
from mgn_fast.simulator.atc.texts import FORMS, AtcError, error_text, form_in_force

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
    assert form_in_force() is FORMS[form]


def test_without_a_version_it_is_cann_8(monkeypatch):
    monkeypatch.delenv("MGN_FAST_SIMULATED_CANN", raising=False)
    assert form_in_force() is FORMS[1]


@pytest.mark.parametrize("text", ["8", "new", "8.0;x", "8.0\n"])
def test_other_words_are_refused(monkeypatch, text):
    monkeypatch.setenv("MGN_FAST_SIMULATED_CANN", text)
    with pytest.raises(InvalidInputError, match=r"expected a version such as '8\.0'"):
        form_in_force()


@pytest.mark.parametrize(
    ("form", "line"),
    [
        (0, r"E10016: Opname \[imag\] specified in \[--input_shape\] is not found"),
        (1, rf"E10016: {STAMP} Opname \[imag\] specified in \[--input_shape\] is not found"),
        (
            2,
            rf"{STAMP} Invalid_Argument_Operator_Name\(E10016\): Opname imag specified in --input_",
        ),
    ],
)
def test_each_form_has_its_head_and_its_brackets(form, line):
    assert re.match(line, error_text(ERROR, FORMS[form]))
    other = error_text(AtcError("E10004", parameter="--input_shape"), FORMS[form])
    assert ("Invalid_Argument(E10004): " in other) == (form == 2)


@pytest.mark.parametrize("form", FORMS)
def test_an_error_without_a_code_of_its_own_has_a_banner(form):
    error = AtcError("E19999", reason="something {odd}")
    assert error_text(error, form) == "E19999: Inner Error!\n        something {odd}\n"
