# SPDX-License-Identifier: Apache-2.0
import time
from pathlib import Path

import pytest

from mgn_fast.cann.diagnosis import MAX_TEXT, diagnose

# What ATC and the runtime below it printed on other people's machines, shortened between lines:
# codes, how the text begins, and words of the cause.
LOGS = {
    # CANN up to 6
    "python_without_struct": (["E40000"], "ModuleNotFoundError:", "its own extension modules"),
    "no_kernel": (["EZ3003"], "No supported Ops kernel and engine", "not supported on this chip"),
    "no_model": (["E10054"], "The requied parameter [--model]", "an option is empty"),
    "free_sizes": (["E10001"], "Value [-1] for parameter [Inputs]", "does not take the value"),
    "newer_opset": (["E19010"], "No parser is registered for Op [model1 div", "the opset is newer"),
    # CANN 7 and 8
    "no_framework": (["E10007"], "[--framework] is required.", "a required option is missing"),
    "no_decorator": (["EC0010"], "EC0010: [PID: 129520]", "a Python package that ATC's operator"),
    "numpy_2": (["EC0010"], "EC0010: [PID: 7651]", "NumPy 2 has no longer"),
    "no_driver": ([], "atc.bin: error while loading", "the driver's libraries"),
    "opp_version": (["E19999"], "E19999: [PID: 3370899]", "an error inside ATC"),
    "opp_not_verified": (["E30006"], "Failed to verify the OPP", "do not fit each other"),
    # CANN 8.3 and later
    "no_context": (["EE1001"], "The argument is invalid.Reason:", "the runtime under ATC failed"),
    "operator_failed": (["E40021"], "Failed to compile Op [trans_Cast_2,]", "does not compile"),
    "device_busy": (["EL0005"], "The resources are busy", "held by another container"),
    "no_link": (["EI0010"], "P2P communication failed", "cannot reach each other's memory"),
}


@pytest.mark.parametrize(("name", "told"), LOGS.items(), ids=LOGS.keys())
def test_what_atc_printed_is_understood(name, told):
    codes, text, cause = told
    output = (Path(__file__).parent / "logs" / f"{name}.log").read_text()
    for printed in (output, output.replace("\n", "\r\n")):
        found = diagnose(printed)
        assert list(found.codes) == codes
        assert found.text.startswith(text)
        assert cause in found.cause


def test_every_log_is_read():
    assert {path.stem for path in (Path(__file__).parent / "logs").iterdir()} == set(LOGS)


@pytest.mark.parametrize(
    ("title", "code"),
    [
        ("Device_Absent/Abnormal", "EL0001"),
        ("Communication_Error_P2P", "EI0010"),
        ("Invalid_Argument-2", "E10001"),
        ("Inner_Error_Failed_Send_OPP_To_Device", "E39006"),
    ],
)
@pytest.mark.parametrize(
    "before", ["", "[PID: 7] 2026-02-01-08:00:00.000.001 ", "[ERROR] ", "[2026-02-01 08:00:00] "]
)
def test_any_title_is_read_whatever_its_letters(before, title, code):
    found = diagnose(f"{before}{title}({code}): Something is not in order.\n")
    assert (found.codes, found.text) == ((code,), "Something is not in order")


@pytest.mark.parametrize(
    "head",
    [
        "E10016: ",
        "E10016: [PID:225981] 2025-01-08-23:21:51.183.024 ",
        "[PID: 77] E10016: ",
        "[PID: 77] 2026-02-01-08:00:00.000.001 Invalid_Argument_Operator_Name(E10016): ",
        "[PID: 77] 2026-02-01-08:00:00.000.001 Device_Absent/Abnormal(E10016): ",
    ],
)
def test_code_and_text_are_found_behind_every_head(head):
    found = diagnose(f"ATC run failed\n{head}Opname [imag] is not found in the model.\n")
    assert found.codes == ("E10016",)
    assert found.text == "Opname [imag] is not found in the model"


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
