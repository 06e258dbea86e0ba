# SPDX-License-Identifier: Apache-2.0
from support.acl_models import Machine, ledger
from support.acl_names import BLAS
from support.acl_settings import NOT_SUPPORTED


def test_products_are_operators_and_refused():
    assert len(set(BLAS)) == 12
    with Machine() as machine:
        for name in BLAS:
            assert machine.code(name, *[None] * 19) == NOT_SUPPORTED
            assert f"{name} returns {NOT_SUPPORTED}" in machine.message()
        calls = ledger()["calls"]
        assert {name: calls[name] for name in BLAS} == dict.fromkeys(BLAS, 1)
