# SPDX-License-Identifier: Apache-2.0
"""What checks of results share that are made on several machines: options, and both records."""

import argparse
import json
import os
from pathlib import Path

import record

# Of another machine's record, what says whose it is.
WHOSE = ("environment", "machine", "emulated")


def add_options(parser, name, kept):
    """--against, of whose record `kept` goes into ours; --emulated; and --name, which is ours."""

    def other(path):
        return read_other(path, (*WHOSE, *kept))

    parser.add_argument("--against", type=other, help="another machine's record of as many")
    parser.add_argument("--name", default=name, help="the record's")
    parser.add_argument("--emulated", help="by what, if it is: it goes into the record")


def read_other(path, wanted):
    """Another machine's record, and in "kept" what is wanted of it."""
    try:
        other = json.loads(Path(path).read_bytes())
        return other | {"kept": {key: other[key] for key in wanted}}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise argparse.ArgumentTypeError(f"{path} is no record of this check: {error!r}") from error


def begin(script, arguments):
    """What a record begins with, taken before anything is measured."""
    figures = {
        "question": script.splitlines()[0],
        "environment": record.environment(),
        "machine": os.uname().machine,
        "emulated": arguments.emulated,
    }
    return figures | ({"against": arguments.against["kept"]} if arguments.against else {})
