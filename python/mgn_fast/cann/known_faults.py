# SPDX-License-Identifier: Apache-2.0
"""Causes that lie below ATC, as data: the chip's AI CPU, the driver, the runtime, the cards' links.

Same form as `known_causes`: a pattern of the code, one of the error's own lines, cause, remedy.
Codes: AI CPU E3xxxx, driver ELxxxx, runtime EExxxx, AscendCL EHxxxx, links between cards EIxxxx and
EJxxxx.
"""

from __future__ import annotations

_VERSIONS = (
    "install the driver that this CANN's release notes name (`npu-smi info` shows the one there), "
    "and the ops package of the same CANN"
)
_DEVLIB = "on a host without an NPU use CANN's devlib libraries"

OF_THE_HOST = (
    (
        "E30005|E39004|E39005|E39007|E39009",
        "",
        "the chip's own system does not answer, or its driver is older than CANN",
        f"look at `npu-smi info` and restart the host; then {_VERSIONS}",
    ),
    (
        "E30008",
        "",
        "an operator on the chip's AI CPU took too long",
        f"end what else runs on the chip; then {_VERSIONS}",
    ),
    (
        r"E3000[3-9]|E390\d\d",
        "",
        "the driver and the AI CPU package do not fit each other: of different versions, or the "
        "package is damaged",
        _VERSIONS,
    ),
    (
        "EL0001",
        "",
        "the chip is not there or not in order: no driver, a lost card, or a container without "
        "the device",
        f"look at `npu-smi info` and dmesg, and pass the device to the container; {_DEVLIB}",
    ),
    (
        "EL0002",
        "",
        "there is no device of this number for this process",
        "look at `npu-smi info` and ASCEND_RT_VISIBLE_DEVICES, which numbers devices anew",
    ),
    (
        "EL0005",
        "",
        "the device is busy: held by another container or process, being reset, or not ready yet",
        "end what holds it (`npu-smi info` lists processes; one device serves one container), or "
        "wait a minute",
    ),
    (
        "EL0006|EL0008|EL0009|EL001[0-3]",
        "",
        "the device has no more streams, events or the like: other programs hold them",
        "end other programs on the device; `npu-smi info` lists them",
    ),
    (
        "EL0007",
        "",
        "this user may not use the device",
        "sudo usermod -aG HwHiAiUser $USER and log in again; in a container, run as that group or "
        "as root",
    ),
    (
        "EL0014",
        "",
        "this driver or chip does not do what CANN asks of it: the driver is older than CANN, or "
        "the device is a part of a card (vNPU)",
        _VERSIONS,
    ),
    (
        "EL0015",
        "",
        "memory or a device was used that is another process's or not there",
        f"look at `npu-smi info` and ASCEND_RT_VISIBLE_DEVICES; then {_VERSIONS}",
    ),
    (
        "EI0010",
        "",
        "two chips cannot reach each other's memory; compiling and running here never need it",
        "name one device in ASCEND_RT_VISIBLE_DEVICES; between cards that have no link, "
        "HCCL_INTRA_ROCE_ENABLE=1",
    ),
    (
        r"EI\d{4}",
        "",
        "the communication between chips failed, which compiling and running here never need",
        "name one device in ASCEND_RT_VISIBLE_DEVICES, and unset HCCL's variables",
    ),
    (
        r"EL\d{4}|EE\d{4}|EH\d{4}|EJ\d{4}",
        "",
        "the runtime under ATC failed: no device, another program in the way, or no memory",
        f"look at `npu-smi info`; {_DEVLIB}",
    ),
)
