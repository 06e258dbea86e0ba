# SPDX-License-Identifier: Apache-2.0
import time

import pytest

from mgn_fast.cann.diagnosis import MAX_TEXT, diagnose

FAILED = "ATC run failed, Please check the detail log, Try 'atc --help' for more information\n"
FORMS = {
    "CANN 5 and 6": "E10016: Opname [imag] specified in [--input_shape] is not found in the model.",
    "CANN 7 and 8": "E10016: [PID: 200452] 2025-06-16-13:02:36.801.136 Opname [imag] specified in "
    "[--input_shape] is not found in the model.",
    "without a blank": "E10016: [PID:225981] 2025-01-08-23:21:51.183.024 Opname [imag] specified "
    "in [--input_shape] is not found in the model.",
    "CANN 8.5 and 9": "[PID: 77] 2026-02-01-08:00:00.000.001 Invalid_Argument_Operator_Name(E10016)"
    ": Opname [imag] specified in [--input_shape] is not found in the model.",
    "in a log": "ATC start working now, please wait for a moment.\n...\n" + FAILED + "E10016: "
    "Opname [imag] specified in [--input_shape] is not found in the model.\n        Solution: x.\n",
    "carriage returns": FAILED.replace("\n", "\r\n")
    + "E10016: Opname [imag] specified in [--input_shape] is not found in the model.\r\n",
}


@pytest.mark.parametrize("output", FORMS.values(), ids=FORMS.keys())
def test_all_generations_give_code_and_text(output):
    found = diagnose(output)
    assert found.codes == ("E10016",)
    assert found.text == "Opname [imag] specified in [--input_shape] is not found in the model"


def test_a_text_after_inner_error_is_found_on_the_next_line():
    for banner in ("E19999: Inner Error!\n        ", "E19999: [PID: 1] 2025-01-01-00:00:00.1 "):
        assert diagnose(banner + "infershape failed.\n").text == "infershape failed"


def test_several_errors_keep_their_order_and_count_once():
    output = "E20001: compile failed\nE10016: a\nE20001: again\n"
    assert diagnose(output).codes == ("E20001", "E10016")
    assert diagnose(output).text == "compile failed"


def test_errors_inside_a_compiler_message_come_last():
    output = "E40021: Failed to compile Op [a]. [EB9999] [errClass:NA][errCode:EB0500]\n"
    assert diagnose(output).codes == ("E40021", "EB0500")


def test_warnings_are_no_errors():
    output = "W11001: Op [a] does not hit the high-priority operator library\nE10010: Value [x]\n"
    assert diagnose(output).codes == ("E10010",)
    assert diagnose("W11001: Op [a] is slow").codes == ()


@pytest.mark.parametrize(
    "output",
    ["", "ATC run success", "node E10016 is fused", "see E10016:", "Conv_E1001: x", "E101: x"],
)
def test_other_texts_hold_no_code(output):
    assert diagnose(output).codes == ()


def test_an_unknown_code_is_given_with_a_general_remedy():
    found = diagnose("E77777: something new")
    assert found.codes == ("E77777",)
    assert "no reason that is known here" in found.cause
    assert "--log=error" in found.remedy


def test_a_cause_is_looked_for_in_the_errors_own_lines():
    """The command line, which names --soc_version, stands in the log as well."""
    output = "atc --soc_version=Ascend310P3 --log=x\nE10001: Value [x] for parameter [--foo]\n"
    assert "soc_version" not in diagnose(output).cause
    output = "E10001: Value [x] for parameter [--soc_version] is invalid\nE10010: Value [x]\n"
    assert "soc_version" in diagnose(output).cause


def test_a_later_error_explains_where_the_first_is_unknown():
    assert "--log takes" in diagnose("E77777: new\nE10010: Value [x]\n").cause


def test_long_texts_are_cut():
    assert len(diagnose("E10016: " + "x" * 5000).text) == MAX_TEXT


@pytest.mark.parametrize("piece", ["\n", " ", "x", "E10016: ", "np.bool ", "[PID: 1] ", "E1\n"])
def test_any_output_is_read_in_no_time(piece):
    started = time.monotonic()
    diagnose(piece * (300_000 // len(piece)))
    assert time.monotonic() - started < 2
