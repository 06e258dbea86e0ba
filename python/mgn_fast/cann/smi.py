# SPDX-License-Identifier: Apache-2.0
"""`npu-smi`, the driver's tool, asked; where it fails, in its own words and with a remedy."""

from __future__ import annotations

import re
import shutil
import subprocess

from mgn_fast.cann.run_atc import environment

TIMEOUT_S = 30.0
_USUAL_PLACE = "/usr/local/sbin/npu-smi"
_MAX_WORDS = 200
# What says nothing: frames of tables, and the line that every table begins with.
_FRAME = re.compile(r"[\s|+=-]*|[|\s]*npu-smi [\w.]+\s+Version:.*")

_DRIVER_PATHS = "/usr/local/Ascend/driver/lib64/driver:/usr/local/Ascend/driver/lib64/common"
_HELD = (
    "one device serves one container: end the other one, or pass this one its device files "
    "(/dev/davinci*, /dev/davinci_manager and the others); on the host, look at who uses them"
)
# A pattern anywhere in the output, and what helps.
_REMEDIES = (
    (
        r"lib[\w.+-]+\.so[\w.]*: cannot open shared object file",
        "mount /usr/local/Ascend/driver and /usr/local/dcmi into the container, then "
        f"export LD_LIBRARY_PATH={_DRIVER_PATHS}:$LD_LIBRARY_PATH",
    ),
    (r"ret is -8005\b", _HELD),
    (
        r"ret is -8020\b",
        "the device is being reset, or held: wait a minute and end what uses it; if it stays, "
        "restart the host",
    ),
    (r"DrvMngGetConsoleLogLevel failed", f"the driver gives no answer: {_HELD}"),
    (
        r"[Pp]ermission denied|[Oo]peration not permitted",
        "sudo usermod -aG HwHiAiUser $USER, and log in again",
    ),
)


class NpuSmiError(subprocess.SubprocessError):
    """`npu-smi` failed; the message has its own last words.

    Attributes:
        remedy: what helps, where the words are known; else "".
    """

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.remedy = remedy


def npu_smi(*words: str) -> str:
    """The standard output of `npu-smi`.

    Args:
        words: its arguments.

    Returns:
        Text.

    Raises:
        OSError: there is no such tool, or it cannot be started.
        NpuSmiError: it failed, or did not answer in time.
    """
    program = shutil.which("npu-smi") or _USUAL_PLACE
    try:
        done = subprocess.run(  # noqa: S603 (no shell; constant words)
            [program, *words],
            env=environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired as error:
        said = last_words(_text(error.stdout), _text(error.stderr))
        raise NpuSmiError(
            f"gave no answer in {TIMEOUT_S:g} s{f': {said}' if said else ''}",
            "the driver hangs: restart the host, or in a container look at npu-smi on the host",
        ) from error
    output, errors = _text(done.stdout), _text(done.stderr)
    if done.returncode != 0:
        said = last_words(output, errors) or "it printed nothing"
        raise NpuSmiError(f"{_ending(done.returncode)}: {said}", remedy_for(f"{output}\n{errors}"))
    return output


def table() -> str:
    """What `npu-smi info` prints: a table, or NpuSmiError with the words in its place."""
    text = npu_smi("info")
    if "|" not in text:
        said = last_words(text) or "nothing"
        raise NpuSmiError(f"printed no table: {said}", remedy_for(text))
    return text


def last_words(*texts: str) -> str:
    """The last line that says something in each text, joined; "" where none does."""
    found = []
    for text in texts:
        lines = [line.strip(" |\t\r") for line in text.splitlines() if not _FRAME.fullmatch(line)]
        if lines and lines[-1] not in found:
            found.append(lines[-1][:_MAX_WORDS])
    return "; ".join(found)


def remedy_for(text: str) -> str:
    """What helps against the failure that npu-smi's words tell of; "" for unknown words."""
    return next((remedy for pattern, remedy in _REMEDIES if re.search(pattern, text)), "")


def _ending(returncode: int) -> str:
    if returncode < 0:
        return f"ended by signal {-returncode}"
    return f"failed with exit code {returncode}"


def _text(output: bytes | str | None) -> str:
    if isinstance(output, bytes):
        return output.decode(errors="replace")
    return output or ""
