# SPDX-License-Identifier: Apache-2.0
"""What checks of results share that are made on several machines: options, and both records."""

import json
import os
from pathlib import Path

import record

# Of another machine's record, what says whose it is.
WHOSE = ("environment", "machine", "emulated")


def add_options(parser, name):
    """--against, --emulated, and --name, which is the record's."""
    parser.add_argument("--against", type=Path, help="another machine's record of as many")
    parser.add_argument("--name", default=name, help="the record's")
    parser.add_argument("--emulated", help="by what, if it is: it goes into the record")


def begin(script, arguments):
    """What a record begins with, taken before anything is measured."""
    return {
        "question": script.splitlines()[0],
        "environment": record.environment(),
        "machine": os.uname().machine,
        "emulated": arguments.emulated,
    }


def read_other(path, figures, *kept):
    """Another machine's record; what says whose it is, and `kept`, goes into the figures."""
    other = json.loads(path.read_bytes())
    figures["against"] = {key: other[key] for key in (*WHOSE, *kept)}
    return other
