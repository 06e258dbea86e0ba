# SPDX-License-Identifier: Apache-2.0
"""What is released: the source archive, the description on an index, the workflow's text."""

import re
import subprocess
import sys
import tarfile

import pytest

from support.late import late
from support.pins import PROJECT
from support.repository import ROOT

build = late("scikit_build_core.build")

WORKFLOW = ROOT / ".github" / "workflows" / "release.yml"
DESCRIPTION = ROOT / "docs" / "description.md"
# What a link or a picture leads to, as Markdown and HTML write it.
TARGET = re.compile(r"\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"|^\[[^\]]+\]: (\S+)", re.MULTILINE)


@pytest.fixture(scope="module")
def sdist(tmp_path_factory, own_process):
    """The source archive, unpacked: made without an index, as from a clone."""
    folder = tmp_path_factory.mktemp("sdist")
    code = f"from scikit_build_core.build import build_sdist; print(build_sdist({str(folder)!r}))"
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True)
    (archive,) = folder.glob("*.tar.gz")
    with tarfile.open(archive) as file:
        file.extractall(folder, filter="data")
    return next(path for path in folder.iterdir() if path.is_dir())


def tracked():
    """What the repository holds; a source archive, unpacked, is no repository."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip("this is no clone")
    return {name for name in done.stdout.splitlines() if (ROOT / name).is_file()}


def test_the_source_archive_is_the_repository(sdist):
    """Tests, documents, tools and checks are in it, so that it can be tested."""
    inside = {str(path.relative_to(sdist)) for path in sdist.rglob("*") if path.is_file()}
    assert inside - {"PKG-INFO"} == tracked()


def test_programs_stay_programs(sdist):
    for name in (".ci/run", "tools/build_wheels", "tools/try_wheel"):
        assert (sdist / name).stat().st_mode & 0o111, name


def test_documents_lead_somewhere_inside_of_it(sdist):
    dead = [
        f"{path.relative_to(sdist)}: {target}"
        for path in [*sdist.glob("*.md"), *(sdist / "docs").glob("*.md")]
        for target in targets(path.read_text())
        if "://" not in target and not target.startswith("#")
        if not (path.parent / target.partition("#")[0]).exists()
    ]
    assert dead == []


def targets(text):
    """All that a text leads to, but for what is in blocks of code."""
    prose = re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.DOTALL | re.MULTILINE)
    return [next(filter(None, found)) for found in TARGET.findall(prose)]


def test_the_description_leads_nowhere():
    """No address of the repository is known, so a link in it would be dead on an index."""
    assert PROJECT["readme"] == str(DESCRIPTION.relative_to(ROOT))
    assert targets(DESCRIPTION.read_text()) == []
    assert targets('a [b](c.md) ![d](e.png)\n[f]: g\n<img src="h">') == ["c.md", "e.png", "g", "h"]


def test_actions_are_pinned_by_commit():
    uses = re.findall(r"uses: (.*)", WORKFLOW.read_text())
    assert len(uses) >= 9
    loose = [each for each in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v[\d.]+", each)]
    assert loose == []


def test_the_workflow_may_do_little_and_says_that_it_has_not_run():
    text = WORKFLOW.read_text()
    head, *jobs = re.split(r"^jobs:$|^  (?=\w+:$)", text, flags=re.MULTILINE)
    assert "NOT YET RUN" in head
    assert "permissions: {}" in text
    writing = [
        job.partition(":")[0] for job in jobs if job and re.search(r"^ +[\w-]+: write", job, re.M)
    ]
    assert writing == ["publish"]
    assert not re.search(r"secrets\.|password", "".join(filter(None, jobs)))


def test_the_workflow_builds_for_all_that_is_promised():
    text = WORKFLOW.read_text()
    named = re.search(r"python-version: \|\n((?: +3\.\d+\n)+)", text)[1].split()
    promised = re.findall(r"Python :: (3\.\d+)", "\n".join(PROJECT["classifiers"]))
    assert sorted(named, key=lambda v: int(v[2:])) == promised
    assert f"-eq {2 * len(promised)}" in text
