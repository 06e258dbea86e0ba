# SPDX-License-Identifier: Apache-2.0
import re

import pytest

from mgn_fast import errors
from mgn_fast.cli import exit_codes, main
from mgn_fast.cli.commands import export

NAMED = {
    value: name
    for name, value in vars(exit_codes).items()
    if isinstance(value, int) and name != "SIGNALLED"
}


def test_help_tells_every_code_and_no_other(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    words = capsys.readouterr().out.partition("exit codes:")[2]
    assert [int(code) for code in re.findall(r"\b\d+\b", words)] == sorted(NAMED)


def test_the_codes_are_those_that_scripts_rely_on():
    assert [NAMED[code] for code in range(8)] == [
        "OK",
        "INTERNAL",
        "USAGE",
        "BAD_FILE",
        "DEVICE",
        "NOT_VALID",
        "INACCURATE",
        "TOO_SLOW",
    ]
    assert NAMED[130] == "INTERRUPTED"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.MgnError, exit_codes.INTERNAL),
        (OSError, exit_codes.INTERNAL),
        (errors.InvalidInputError, exit_codes.USAGE),
        (errors.DatasetError, exit_codes.BAD_FILE),
        (errors.CompileError, exit_codes.DEVICE),
    ],
)
def test_an_error_ends_with_the_code_of_its_kind(kind, code, monkeypatch):
    def failing(*args, **options):
        raise kind("no")

    monkeypatch.setattr(export, "export_onnx", failing)
    assert main(["export", "--random-weights", "-o", "m.onnx"]) == code
