# SPDX-License-Identifier: Apache-2.0

import re

import pytest

from mgn_fast.cann.diagnosis import diagnose
from mgn_fast.cann.known_causes import BY_CODE
from mgn_fast.cann.known_faults import OF_THE_HOST

# Of the AI CPU, the driver and the links: their texts differ by version, their codes do not.
BELOW_ATC = {
    "E30003 E30004 E30006 E30007 E30009": ("do not fit each other", "driver that this CANN's"),
    "E39001 E39002 E39003 E39006 E39008 E39010 E39011": ("do not fit", "same CANN"),
    "E30005 E39004 E39005 E39007 E39009": ("own system does not answer", "restart the host"),
    "E30008": ("took too long", "end what else runs"),
    "EL0001": ("not there or not in order", "pass the device to the container"),
    "EL0002": ("no device of this number", "ASCEND_RT_VISIBLE_DEVICES"),
    "EL0005": ("the device is busy", "one device serves one container"),
    "EL0006 EL0008 EL0009 EL0010 EL0011 EL0012 EL0013": ("no more streams", "end other programs"),
    "EL0007": ("may not use the device", "usermod -aG HwHiAiUser"),
    "EL0014": ("driver is older than CANN", "driver that this CANN's"),
    "EL0015": ("another process's", "npu-smi info"),
    "EI0010": ("cannot reach each other's memory", "ASCEND_RT_VISIBLE_DEVICES"),
    "EL0003 EL0004 EE1001 EH0001 EJ0001": ("runtime under ATC", "devlib"),
    "EI0002 EI0006": ("communication between chips", "HCCL"),
}


@pytest.mark.parametrize(
    ("code", "told"), [(code, told) for codes, told in BELOW_ATC.items() for code in codes.split()]
)
def test_each_code_of_what_runs_below_atc_has_its_cause_in_every_form(code, told):
    cause, remedy = told
    for head in (f"{code}: ", f"[PID: 7] 2026-02-01-08:00:00.000.001 Device_Absent/Ab2({code}): "):
        found = diagnose(f"ATC run failed\n{head}Something failed.\n        TraceBack:\n")
        assert found.codes == (code,)
        assert cause in found.cause
        assert remedy in found.remedy


def test_the_whole_table_is_in_the_one_that_is_searched():
    start = BY_CODE.index(OF_THE_HOST[0])
    assert BY_CODE[start : start + len(OF_THE_HOST)] == OF_THE_HOST


def test_no_entry_hides_a_later_one():
    """Codes that an entry spells out are not already another one's."""
    for place, (codes, *_) in enumerate(OF_THE_HOST):
        for code in re.findall(r"E[A-Z]?\d{4,5}", codes):
            before = [pattern for pattern, *_ in OF_THE_HOST[:place]]
            assert not any(re.fullmatch(pattern, code) for pattern in before), code


def test_codes_of_the_operators_are_none_of_the_host_s():
    for code in ("E40021", "EZ3003", "EB0500", "EC0010", "E19999", "E10001", "E39999"):
        assert not any(re.fullmatch(pattern, code) for pattern, *_ in OF_THE_HOST), code
