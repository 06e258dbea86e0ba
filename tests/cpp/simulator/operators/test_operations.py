# SPDX-License-Identifier: Apache-2.0
"""What needs an operator: the answer, and that all else of the headers is there."""

from support.acl_models import Machine, ledger, library
from support.acl_names import BLAS, OPERATORS, TENSOR_SETTINGS
from support.acl_settings import NOT_SUPPORTED, give

TAKEN = ("Attr", "CompileFlag", "Compileopt", "CompileoptSize", "GraphDumpOpt", "MaxOpQueueNum")
REFUSED = [
    name
    for name in [*OPERATORS, "aclTransTensorDescFormat"]
    if not name.startswith("aclopSetAttr") and not name.endswith((*TAKEN, "DestroyHandle"))
]


def test_the_library_has_every_function_of_the_headers():
    names = [*OPERATORS, *TENSOR_SETTINGS]
    assert len(names) == len(set(names)) == 55
    assert [name for name in names if not hasattr(library(), name)] == []


def test_what_needs_an_operator_is_refused_and_told_what_to_do():
    with Machine(soc_version="Ascend910B4") as machine:
        for name in REFUSED:
            assert machine.code(name, *[None] * 12) == NOT_SUPPORTED
            text = machine.message()
            assert f"{name} returns {NOT_SUPPORTED}" in text
            assert "Ascend910B4 runs whole models only" in text
            assert "on the host" in text
        calls = ledger()["calls"]
        assert {name: calls[name] for name in REFUSED} == dict.fromkeys(REFUSED, 1)
    assert len(REFUSED) == 22


def test_a_failure_on_demand_comes_first():
    with Machine() as machine:
        library().mgnsim_fail(b"aclopCompileAndExecute", 1, 507899, b"now")
        assert machine.code("aclopCompileAndExecute", *[None] * 12) == 507899


def test_a_handle_that_nobody_gave_is_a_violation():
    with Machine(violations=["destroyed handle used"]):
        give(None, "aclopDestroyHandle", None)
        give(None, "aclopDestroyHandle", 4096)


def test_every_function_can_be_told_to_fail():
    """What returns a code returns that one; nothing else comes to harm."""
    others = ("aclopCreateAttr", "aclCreateGraphDumpOpt", "aclGetCompileoptSize")
    others += ("aclopDestroyAttr", "aclopDestroyHandle")
    with Machine() as machine:
        for name in [*OPERATORS, *BLAS, *TENSOR_SETTINGS]:
            library().mgnsim_fail(name.encode(), 1, 507899, b"now")
            code = machine.code(name, *[None] * 19)
            if name not in others:
                assert code == 507899, name
