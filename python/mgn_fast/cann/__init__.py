# SPDX-License-Identifier: Apache-2.0
"""Huawei's toolkit on this host: found, run and understood.

compile      what users call: `compile_om`
job          its arguments, checked, and ATC's command line
toolkit      where ATC and its environment are
run_atc      ATC as a process that cannot outlive its caller
diagnosis, known_causes, known_faults   from ATC's words to a cause and a remedy
aipp         the chip's own preparation of pictures
soc_version  which chip is here
smi          npu-smi, the driver's tool, and its own words where it fails
host         devices, drivers and versions
"""

from mgn_fast.cann.compile import compile_om
from mgn_fast.cann.diagnosis import Diagnosis, diagnose
from mgn_fast.cann.host import HostDevice, list_devices
from mgn_fast.cann.soc_version import detect_soc_version

__all__ = [
    "Diagnosis",
    "HostDevice",
    "compile_om",
    "detect_soc_version",
    "diagnose",
    "list_devices",
]
