# SPDX-License-Identifier: Apache-2.0
import ctypes

import numpy as np
import pytest

from mgn_fast.simulator import StaticAipp, write_om
from support.acl_models import IODims, Machine

INVALID, NOT_STATIC, UNKNOWN_ID = 100000, 100038, 145003
WITHOUT, STATIC = 0, 1


class AippDims(ctypes.Structure):
    _fields_ = (
        ("source", IODims),
        ("source_bytes", ctypes.c_size_t),
        ("result", IODims),
        ("result_bytes", ctypes.c_size_t),
    )


class AippInfo(ctypes.Structure):
    """aclAippInfo: 299,216 bytes."""

    _fields_ = (
        ("format", ctypes.c_int32),
        ("width", ctypes.c_int32),
        ("height", ctypes.c_int32),
        ("steps", ctypes.c_int32 * 13),
        ("switches", ctypes.c_int8 * 4),
        ("matrix", ctypes.c_int32 * 15),
        ("mean", ctypes.c_int32 * 4),
        ("least", ctypes.c_float * 4),
        ("factor", ctypes.c_float * 4),
        ("source_format", ctypes.c_int32),
        ("source_type", ctypes.c_int32),
        ("num_dims", ctypes.c_size_t),
        ("count", ctypes.c_size_t),
        ("dims", AippDims * 128),
        ("extend", ctypes.c_void_p),
    )


def kind_of(machine, identity, index=0):
    kind, attached = ctypes.c_int32(-1), ctypes.c_size_t()
    references = ctypes.byref(kind), ctypes.byref(attached)
    machine.call("aclmdlGetAippType", identity, index, *references)
    assert attached.value == 0xFFFFFFFF
    return kind.value


def test_a_model_without_aipp_says_so(tmp_path):
    with Machine() as machine:
        identity = machine.load(write_om(tmp_path / "m.om", batch_sizes=(1, 2)))
        assert kind_of(machine, identity) == WITHOUT
        info = ctypes.byref(AippInfo())
        assert machine.code("aclmdlGetFirstAippInfo", identity, 0, info) == NOT_STATIC
        assert machine.code("aclmdlGetFirstAippInfo", identity, 5, info) == INVALID
        assert machine.code("aclmdlGetFirstAippInfo", 999, 0, info) == UNKNOWN_ID
        assert machine.code("aclmdlGetFirstAippInfo", identity, 0, None) == INVALID
        kind = ctypes.byref(ctypes.c_int32())
        assert machine.code("aclmdlGetAippType", identity, 0, kind, None) == INVALID


@pytest.mark.parametrize("batch_sizes", [(4,), (1, 4)])
def test_static_aipp_is_described(tmp_path, batch_sizes):
    assert ctypes.sizeof(AippInfo) == 299216
    with Machine() as machine:
        path = write_om(tmp_path / "m.om", batch_sizes=batch_sizes, aipp=StaticAipp())
        identity = machine.load(path)
        assert kind_of(machine, identity) == STATIC
        info = machine.out("aclmdlGetFirstAippInfo", AippInfo, identity, 0)
        assert (info.format, info.width, info.height) == (3, 128, 384)
        np.testing.assert_allclose(info.least[:3], StaticAipp().min_chn, rtol=1e-6)
        np.testing.assert_allclose(info.factor[:3], StaticAipp().var_reci, rtol=1e-6)
        assert (info.source_format, info.source_type, info.num_dims) == (0, 0, 4)
        assert info.count == len(batch_sizes)
        for entry, batch in zip(info.dims, batch_sizes, strict=False):
            assert entry.source.sizes() == [batch, 384, 128, 3]
            assert entry.source_bytes == batch * 384 * 128 * 3
            assert entry.result.sizes() == [batch, 3, 384, 128]
            assert entry.result_bytes == batch * 384 * 128 * 3 * 4
        if len(batch_sizes) > 1:
            assert kind_of(machine, identity, 1) == WITHOUT
            info = ctypes.byref(AippInfo())
            assert machine.code("aclmdlGetFirstAippInfo", identity, 1, info) == NOT_STATIC
