# SPDX-License-Identifier: Apache-2.0
"""The documents: every command and Python block runs as it is written.

A document's blocks run in order, in one directory, in one shell: what an earlier command wrote or
exported is there for a later one. `docs_command.py` and `docs_host.py` say what is stood in for.
With MGN_FAST_DOCS_FULL=1 the network and the clocks are the real ones, which takes half an hour.
"""

import os
import signal
import subprocess

import pytest

from support.docs_blocks import DOCUMENTS, ROOT, commands_of, missing_lines, runnable, words_of
from support.docs_command import install
from support.docs_host import fill, prepare_host, prepare_things

FULL = os.environ.get("MGN_FAST_DOCS_FULL") == "1"
TIMEOUT_S = 3600 if FULL else 300
# Written for an Ascend host; the others have to run anywhere.
ON_A_HOST = {"README.md", "docs/on-an-ascend-host.md", "docs/from-the-recipe.md"}
REFERENCE = ROOT / "docs" / "api.md"
RUN = [path for path in DOCUMENTS if path != REFERENCE and runnable(path)]


def name_of(path):
    return str(path.relative_to(ROOT))


class Shell:
    """One directory and environment for all commands of a document."""

    def __init__(self, place, programs, host, quick):
        self.place, self.host = place, host
        self.cwd, self.state = place.with_suffix(".cwd"), place.with_suffix(".env")
        self.cwd.write_text(str(place))
        self.state.touch()
        clean = {name: value for name, value in os.environ.items() if "ASCEND" not in name}
        # No browser, colours or cache of whoever runs the tests.
        self.environment = clean | {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "XDG_CACHE_HOME": str(place.with_suffix(".cache")),
            "HOME": str(place),
            "MPLCONFIGDIR": str(programs.parent),
            "COLUMNS": "115",
        }
        if quick is not None:
            self.environment["MGN_FAST_DOCS_QUICK"] = str(quick)
        if host is not None:
            self.environment["MGN_FAST_DOCS_HOST"] = str(host)
            self.environment["PATH"] = f"{host}/sbin:{self.environment['PATH']}"

    def run(self, command):
        """Its exit code and all that it printed."""
        if self.host is not None:
            command = command.replace("/usr/local/Ascend", f"{self.host}/usr/local/Ascend")
        script = (
            f'cd "$(cat {self.cwd})" && . {self.state}\n{command}\n'
            f"code=$?; export -p > {self.state}; pwd > {self.cwd}; exit $code"
        )
        process = subprocess.Popen(
            ["bash", "-c", script],
            env=self.environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        try:
            text, _ = process.communicate(timeout=TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            text, _ = process.communicate()
            text += f"stopped after {TIMEOUT_S} s"
        return process.returncode, text


@pytest.fixture(scope="session")
def programs(tmp_path_factory, own_process):
    return install(tmp_path_factory.mktemp("programs") / "bin")


@pytest.fixture(scope="session")
def things(tmp_path_factory):
    return prepare_things(tmp_path_factory.mktemp("things"))


@pytest.fixture(scope="session")
def quick(tmp_path_factory):
    """Where exports that were made are noted; None for the real network and clocks."""
    return None if FULL else tmp_path_factory.mktemp("exports")


@pytest.mark.parametrize("path", RUN, ids=name_of)
def test_every_command_runs_as_written(path, tmp_path, programs, things, quick):
    host = prepare_host(tmp_path / "host") if name_of(path) in ON_A_HOST else None
    shell = Shell(fill(tmp_path / "here", things, ROOT), programs, host, quick)
    if name_of(path) == "README.md":  # says so in its text
        shell.run("source /usr/local/Ascend/ascend-toolkit/set_env.sh")
    problems = []
    for block in runnable(path):
        printed = ""
        for command, codes in _steps(block, tmp_path):
            code, text = shell.run(command)
            printed += text
            if code not in codes:
                problems.append(f"line {block.line}: {command}\nexit {code}\n{text[-2000:]}")
        missing = missing_lines(block.shown, printed)
        if missing:
            lines = "\n".join(missing)
            problems.append(f"line {block.line}: not printed:\n{lines}\nbut:\n{printed[-3000:]}")
    assert not problems, "\n\n".join([f"{len(problems)} problems", *problems])


def _steps(block, folder):
    """The commands of a block; Python is one command, doctests are run by doctest."""
    if block.kind == "sh":
        return commands_of(block.code)
    file = folder / f"block{block.line}.py"
    if not block.code.startswith(">>>"):
        file.write_text(block.code)
        return [(f"python {file}", {0})]
    file.write_text(
        f"import doctest, sys\ntext = {block.code!r}\n"
        "test = doctest.DocTestParser().get_doctest(text, {}, 'block', None, 0)\n"
        "sys.exit(doctest.DocTestRunner().run(test).failed)\n"
    )
    return [(f"python {file}", {0})]


def test_blocks_are_read_as_they_are_meant():
    code = "a 'b\nc' \\\n  d  # exit 6: far\n\n# only a comment\ne && f\n"
    assert commands_of(code) == [("a 'b\nc' \\\n  d  # exit 6: far", {0, 6}), ("e && f", {0})]
    assert words_of("a && b 'c d'") == ["a", "&&", "b", "c d"]
    assert missing_lines("x 1.5\n...\ny 2 ...\n", "x   7\nother\ny 33 more\n") == []
    assert missing_lines("y 2\nx 1\n", "x 7\ny 33\n") == ["x #"]
