# SPDX-License-Identifier: Apache-2.0
"""A plugin with the library as fixtures: `raw_acl` as loaded, `acl` initialised and device 0 set.

After a test neither a violation that it did not take nor a live object may be left.
"""

import pytest

from support.acl import FAST, load

_loaded = []


@pytest.fixture
def raw_acl():
    """The library, not initialised and with default settings but for time."""
    if not _loaded:
        _loaded.append(load())
    library = _loaded[0]
    library.configure(FAST)
    library.mgnsim_reset_faults()
    library.take_violations()
    library.message()
    library.aclrtGetLastError(0)
    yield library
    library.mgnsim_reset_faults()
    if library.aclFinalize() != 0:
        library.message()
    left = library.ledger()
    library.mgnsim_trace_stop()
    library.mgnsim_reset_ledger()
    assert left["violations"] == []
    assert all(count == 0 for count in left["live"].values()), left["live"]


@pytest.fixture
def acl(raw_acl, request):
    """Initialised with the settings that the test's parameter names, device 0 set."""
    raw_acl.configure(getattr(request, "param", FAST))
    raw_acl.ok("aclInit", None)
    raw_acl.ok("aclrtSetDevice", 0)
    yield raw_acl
    raw_acl.mgnsim_reset_faults()
    raw_acl.aclrtSetDevice(0)
    raw_acl.aclrtResetDevice(0)
    raw_acl.aclrtResetDevice(0)
