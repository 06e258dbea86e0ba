# SPDX-License-Identifier: Apache-2.0
import ctypes

from support.acl_models import Machine
from support.acl_settings import INVALID, check_life, give

UNSET, OPTION = 90, 91


def test_an_option_is_kept():
    text = ctypes.create_string_buffer(b"....................")
    with Machine() as machine:
        machine.call("aclSetCompileopt", OPTION, b"force_fp16")
        assert give(ctypes.c_size_t, "aclGetCompileoptSize", OPTION) == 11
        assert machine.code("aclGetCompileopt", OPTION, text, 10) == INVALID
        assert "10 bytes for the option's 11" in machine.message()
        machine.call("aclGetCompileopt", OPTION, text, 11)
        assert text.value == b"force_fp16"
        assert machine.code("aclGetCompileopt", OPTION, None, 11) == INVALID
        assert machine.code("aclSetCompileopt", OPTION, None) == INVALID


def test_an_option_that_was_never_set_has_no_text():
    with Machine() as machine:
        assert give(ctypes.c_size_t, "aclGetCompileoptSize", UNSET) == 0
        assert machine.code("aclGetCompileopt", UNSET, None, 0) == INVALID
        assert f"option {UNSET} was never set" in machine.message()


def test_flags_and_the_length_of_the_queue_are_checked():
    with Machine() as machine:
        for flag in (0, 1):
            machine.call("aclopSetCompileFlag", flag)
        assert machine.code("aclopSetCompileFlag", 2) == INVALID
        assert "flag is 2, expected 0 or 1" in machine.message()
        machine.call("aclopSetMaxOpQueueNum", 20000)
        assert machine.code("aclopSetMaxOpQueueNum", 0) == INVALID


def test_options_of_a_dump_live_until_they_are_destroyed():
    names = "aclCreateGraphDumpOpt", "aclDestroyGraphDumpOpt"
    check_life(*names, "graph_dump_option", takes_null=False)
