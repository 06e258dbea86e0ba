# SPDX-License-Identifier: Apache-2.0
"""What the exit codes of `mgn-fast` mean. argparse's own for wrong usage is 2 as well."""

from __future__ import annotations

# It did what it was asked to, and found nothing to be wrong.
OK = 0
# An error that no other code stands for: the package's own, or the system's.
INTERNAL = 1
# The options, or what they name, cannot be meant.
USAGE = 2
# A model, a dataset or a picture cannot be used.
BAD_FILE = 3
# A device, a runtime or a compiler failed, or is not there.
DEVICE = 4
# A measurement is not valid, which --strict asks for.
NOT_VALID = 5
# An accuracy is below its threshold.
INACCURATE = 6
# A speed is below its gate.
TOO_SLOW = 7
# Ctrl-C ended it, as the shell's 128 + SIGINT says.
INTERRUPTED = 130
# Another signal ended it: this and the signal's number.
SIGNALLED = 128

EXIT_CODES = """\
exit codes: 0 ok, 1 internal error, 2 usage, 3 a model or dataset cannot be used,
4 runtime, device or compiler failure, 5 a measurement is not valid, 6 accuracy below the
threshold, 7 speed below the gate, 130 interrupted"""
