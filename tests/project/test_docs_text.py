# SPDX-License-Identifier: Apache-2.0
"""What the documents say in text and tables: links, options, codes, figures, the reference."""

import argparse
import doctest
import importlib
import importlib.util
import re

import pytest

from mgn_fast.cann.known_causes import BY_CODE
from mgn_fast.cann.known_faults import OF_THE_HOST
from mgn_fast.cli.program import build_parser
from support.docs_blocks import DOCUMENTS, blocks_of
from support.repository import PACKAGE, ROOT

REFERENCE = ROOT / "docs" / "api.md"
RECIPE = ROOT / "docs" / "from-the-recipe.md"
HOST = ROOT / "docs" / "on-an-ascend-host.md"
# The driver's installer, ATC, the recipe's scripts, ais_bench.
OF_OTHER_TOOLS = {"--full", "--mode", "--framework", "--model", "--output", "--log", "--outfmt"}

OF_OTHER_PROJECTS = {"tools/deploy/onnx_export.py"}  # fast-reid's
OWN_FOLDERS = {path.name for place in (ROOT, PACKAGE) for path in place.iterdir() if path.is_dir()}


def name_of(path):
    return str(path.relative_to(ROOT))


def test_examples_of_the_reference_give_what_they_say():
    parser, runner = doctest.DocTestParser(), doctest.DocTestRunner()
    for block in blocks_of(REFERENCE):
        if block.code.startswith(">>>"):
            runner.run(parser.get_doctest(block.code, {}, "api", None, block.line))
    assert runner.tries > 10
    assert runner.failures == 0


def test_the_reference_is_what_the_docstrings_say():
    spec = importlib.util.spec_from_file_location("make_api", ROOT / "docs" / "make_api.py")
    make_api = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(make_api)
    written = REFERENCE.read_text(encoding="utf-8")
    assert written == make_api.page(), "run: python docs/make_api.py"


def anchors(path):
    """What a link may name after #: headings, as GitHub writes them."""
    titles = re.findall(r"^#+ (.+)$", without_blocks(path), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


def without_blocks(path, language=""):
    """A document's text without its blocks of code, or of code in one language."""
    pattern = rf"^```{language}.*?^```$"
    return re.sub(pattern, "", path.read_text(), flags=re.DOTALL | re.MULTILINE)


def named_in(path):
    """What a document says can be imported: dotted names, and lines that import."""
    text = path.read_text(encoding="utf-8")
    yield from re.findall(r"(?<![\w/.-])mgn_fast(?:\.[A-Za-z_]\w*)+(?!\w*/)", text)
    for module, names in re.findall(r"from (mgn_fast[\w.]*) import ([\w, ]+)", text):
        yield from (f"{module}.{name.strip()}" for name in names.split(","))


def is_there(dotted):
    """Whether a program that imports the module part finds the rest on it."""
    words = dotted.split(".")
    for count in range(len(words), 0, -1):
        try:
            found = importlib.import_module(".".join(words[:count]))
        except ModuleNotFoundError:
            continue
        for word in words[count:]:
            found = getattr(found, word, None)
        return found is not None
    return False


def test_everything_that_a_document_names_can_be_imported():
    named = [(name_of(path), dotted) for path in DOCUMENTS for dotted in named_in(path)]
    assert len(named) > 60
    assert [each for each in named if not is_there(each[1])] == []
    assert not is_there("mgn_fast.evaluate.measure_embeddings")
    assert not is_there("mgn_fast.evaluation.protocols")


def test_every_file_that_a_document_names_is_there():
    """From the repository's root, from the package's, or as a room's own file."""
    missing = []
    for path in [*DOCUMENTS, *ROOT.glob("*.md"), ROOT / "bench" / "README.md"]:
        for code in re.findall(r"`([^`\n]+)`", path.read_text(encoding="utf-8")):
            for word in re.findall(r"(?<![\w./-])(?:[\w.]+/)+[\w.]*(?![\w*/<-])", code):
                own = word.split("/")[0] in OWN_FOLDERS and word not in OF_OTHER_PROJECTS
                if own and not list_of(word):
                    missing.append(f"{name_of(path)}: {word}")
    assert missing == []


def list_of(word):
    return [place for place in (ROOT, PACKAGE) if (place / word).exists()]


def test_every_command_has_a_call_in_the_reference():
    rows = {row[0]: row[1] for row in rows_of(REFERENCE, 2)}
    (commands,) = [a for a in build_parser()._actions if isinstance(a, argparse._SubParsersAction)]
    for command in commands.choices:
        assert "](#" in rows.get(f"`mgn-fast {command}`", ""), command


def test_every_link_leads_somewhere():
    offenders = []
    for path in DOCUMENTS:
        for target in re.findall(r"\]\(([^)\s]+)\)", without_blocks(path)):
            if target.startswith(("http://", "https://")):
                continue
            file, _, anchor = target.partition("#")
            found = path.parent / file if file else path
            if not found.exists() or (anchor and anchor not in anchors(found)):
                offenders.append(f"{name_of(path)}: {target}")
    assert offenders == []


def test_every_option_that_a_document_names_is_one():
    """In the text too, where nothing runs."""
    options = known_options()
    offenders = [
        f"{name_of(path)}: {option}"
        for path in DOCUMENTS
        for code in re.findall(r"`([^`\n]+)`", without_blocks(path, "text"))
        for option in re.findall(r"(?:^|\s)(--[a-z][a-z-]+)(?=$|[\s=,])", code)
        if option not in options
    ]
    assert offenders == []


def known_options():
    """Of every command of ours, and what the documents say of others."""
    found, parsers = set(), [build_parser()]
    while parsers:
        for action in parsers.pop()._actions:
            found.update(action.option_strings)
            if isinstance(action, argparse._SubParsersAction):
                parsers += action.choices.values()
    return found | OF_OTHER_TOOLS


def test_documents_keep_to_the_line_length():
    for path in DOCUMENTS:
        if path.parent == ROOT or path == REFERENCE:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            assert len(line) <= 118 or line.startswith("|"), f"{name_of(path)}:{number}"


def rows_of(path, columns):
    """Rows of the tables that have so many columns, as lists of cells."""
    lines = path.read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.split("|")[1:-1]] for line in lines if line[:1] == "|"]
    return [row for row in rows if len(row) == columns]


def test_codes_of_ascendcl_have_the_names_and_remedies_of_the_core():
    source = (ROOT / "cpp" / "ascend" / "error_names.cpp").read_text()
    names, remedies = source.split("kRemedies[]")
    names = dict(re.findall(r'\{(\d+), "(\w+)"', names))
    listed = {}
    for codes, words, *_ in rows_of(HOST, 4):
        if re.fullmatch(r"\d{6}(, \d{6})*", codes):
            listed |= dict(zip(codes.split(", "), words.split(", "), strict=True))
    assert listed == {code: names[code] for code in listed}
    remedied = set(re.findall(r"\{(\d{6}),", remedies))
    assert len(remedied) > 10
    assert remedied <= listed.keys()


def test_codes_of_atc_have_a_cause():
    rows = rows_of(HOST, 3)
    start = [row[0] for row in rows].index("ATC says")
    known = [pattern for pattern, *_ in BY_CODE]
    codes = [c for says, *_ in rows[start + 2 :] for c in re.findall(r"\bE[A-Z]?\d{4,5}\b", says)]
    assert len(codes) > 10
    for code in codes:
        assert any(re.fullmatch(pattern, code) for pattern in known), code


def test_codes_below_atc_stand_where_their_cause_does():
    """The codes of a row have one cause, and there is one for each."""
    listed = set()
    for codes, *_ in rows_of(HOST, 3):
        found = re.findall(r"\bE3[09]\d{3}\b", codes)
        causes = {next((c for p, _, c, _ in OF_THE_HOST if re.fullmatch(p, f)), "") for f in found}
        assert len(causes) < 2, codes
        listed.update(found)
    assert {f"E3000{number}" for number in range(3, 10)} | {"E39004"} <= listed


def test_every_word_that_takes_a_secret_s_place_is_explained():
    sources = [(PACKAGE / "doctor" / name).read_text() for name in ("scrubbing.py", "bundle.py")]
    words = set(re.findall(r"<[a-z]+>", re.sub(r"\(\?P?<\w+>", "", "".join(sources))))
    told = (ROOT / "docs" / "report-from-your-host.md").read_text()
    assert words >= {"<path>", "<set>", "<process>", "<uuid>"}
    assert not {word for word in words if f"`{word}`" not in told}
    assert "nothing on the host is changed" not in " ".join(told.split())


def test_figures_are_those_of_the_readme():
    """Rounded, so that the next record does not make them wrong; never by more than a quarter."""
    text = " ".join(RECIPE.read_text().split())
    table = (ROOT / "README.md").read_text()
    for said, measured in (
        (r"JPEG to both tensors is some (\d+) times", r"against Pillow and torch \| (\d+) times"),
        (r"CMC and mINP some (\d+) times", r"against the recipe \| (\d+) times"),
        (r"re-ranked mAP some (\d+) times", r"against the dense recipe \| (\d+) times"),
        (r"in some (\d+) MB instead", r"(\d+) MB instead of"),
        (r"\| some (\d+) MB \(README", r"(\d+) MB instead of"),
        (r"keep ([\d.]+) or more of that rate", r"decode included.*?\| ([\d.]+) to"),
    ):
        ours, theirs = re.search(said, text), re.search(measured, table)
        assert ours, said
        assert float(ours[1]) == pytest.approx(float(theirs[1]), rel=0.25), said
