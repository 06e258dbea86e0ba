# SPDX-License-Identifier: Apache-2.0
"""Writes docs/api.md from the docstrings: `python docs/make_api.py`.

Every name of `mgn_fast.__all__` has an entry: under the heading that `GROUPS` gives it, or under
`REST`, so that a new name needs no change here. `ROOMS` adds what only a room's face offers.
"""

from __future__ import annotations

import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mgn_fast
from mgn_fast import simulator

PAGE = Path(__file__).with_name("api.md")
HEAD = """\
# API reference

<!-- Written by docs/make_api.py from the docstrings; a test keeps the two alike. -->

What `import mgn_fast` offers, and each room besides. Options after the data are keywords only.
`F32Array` is a NumPy array of float32, and so on; shapes use N pictures, D embedding width, Q
queries, G gallery pictures, K depth.

Every command of `mgn-fast` has its call:
"""
# By command: the names below that do the same work.
CALLS = {
    "export": "export_onnx",
    "adopt": "adopt check_preparation",
    "compile": "compile_om",
    "quantize": "quantize_onnx",
    "embed": "Embedder write_embeddings Gallery",
    "evaluate": "load_dataset evaluate measure_embeddings verification_curve draw_evaluation",
    "gallery": "info remove rename label compact merge export",
    "search": "Gallery join_galleries mean_embedding open_index draw_search",
    "group": "group adjusted_rand_index draw_groups",
    "verify": "verify",
    "tune": "tune",
    "bench": "benchmark",
    "doctor": "examine",
    "bins": "write_bins read_results",
    "demo": "datasets.synthetic export_onnx Embedder evaluate draw_evaluation",
}
# Under which heading the rooms' own names stand that `import mgn_fast` does not offer itself.
ROOMS = {
    "Models": {
        "quantize": "quantize_onnx Quantized Accuracy",
        "inference": "Session Lane Ticket",
    },
    "Pictures and embeddings": {
        "embedding": "Embeddings write_embeddings Partial read_embeddings Noticed",
        "pictures": "Crop Box decode list_pictures read_list read_boxes Boxes Listed "
        "order_by_frame",
    },
    "Search": {
        "gallery": "GalleryRanking Added join_galleries mean_embedding expand_queries open_index "
        "GalleryIndex info Facts remove rename label compact Changed merge export",
    },
    "Evaluation": {
        "evaluation": "adjusted_rand_index measure_embeddings measure_distances Protocol "
        "ProtocolReport RerankSettings VerificationCurve",
        "evaluation.roc.curve": "OperatingPoint Acceptance",
    },
    "Datasets": {"datasets": "Split count_problems synthetic"},
    "Comparing and measuring": {
        "verification": "verify Verification VerifiedModel Retrieval Drift Float16Ends Limits "
        "Prediction LayerLoss check_preparation PreparationCheck",
        "bench": "benchmark Plan Case MeasureSettings Pace Arrivals Slo Outcome tune Tuning",
    },
    "Pages": {
        "report": "draw_evaluation AnalysisBuilder draw_search search_lists draw_groups RankedList "
        "Tile write_page write_search_page write_sheet",
    },
    "The recipe's files": {"recipe_files": "write_bins Written read_results ToolEmbeddings"},
    "Installation": {"doctor": "examine Finding collect_bundle"},
}
# Classes whose objects functions give; they are shown without a call.
GIVEN = {"Gallery", "Lane", "Session", "Ticket"}
# Methods that only the package's other classes call.
INTERNAL = {
    "next_count",
    "submit_and_leave",
    "spans",
    "decode_and_resize",
    "rows_per_picture",
}
LINE = 115
GROUPS = {
    "Models": "export_onnx adopt Contract compile_om open_session",
    "Pictures and embeddings": "Embedder resize_pack",
    "Search": "Gallery",
    "Evaluation": "evaluate evaluate_distances verification_curve rerank rank group "
    "squared_distance cosine_similarity Identities Ranking Report",
    "Datasets": "load_dataset Dataset",
}
REST = "Installation"
SIMULATOR = "The simulator"
ERRORS = "Errors"

_SECTION = re.compile(
    r"^(Args|Attributes|Returns|Yields|Raises|Example|Examples|Source|Note|Notes):$"
)
_LISTS = ("Args", "Attributes", "Raises")
_ITEM = re.compile(r"^(\*{0,2}[\w.]+(?:, \*{0,2}[\w.]+)*): (.*)$", re.DOTALL)


def page() -> str:
    """The page.

    Returns:
        Markdown.
    """
    parts = [HEAD, _calls(), _contents()]
    for title, names in _groups().items():
        parts.append(f"## {title}")
        if title == SIMULATOR:
            parts.append(f"`mgn_fast.simulator`. {markdown(inspect.getdoc(simulator) or '')}")
        for name, (shown, value) in names.items():
            parts += entry(name, shown, value)
    return "\n\n".join(part.strip("\n") for part in parts) + "\n"


def _groups() -> dict[str, dict[str, tuple[str, Any]]]:
    """What stands under which heading: by name, how it is called and the object."""
    public = {name: getattr(mgn_fast, name) for name in mgn_fast.__all__}
    for module in ("__version__", "datasets", "simulator"):
        del public[module]
    groups: dict[str, dict[str, tuple[str, Any]]] = {}
    for title in dict.fromkeys([*GROUPS, *ROOMS]):
        names = GROUPS.get(title, "").split()
        groups[title] = {name: (f"mgn_fast.{name}", public.pop(name)) for name in names}
        for room, offered in ROOMS.get(title, {}).items():
            face = importlib.import_module(f"mgn_fast.{room}")
            groups[title] |= dict(_offered(face, name) for name in offered.split())
    rest = {name: (f"mgn_fast.{name}", value) for name, value in sorted(public.items())}
    failures = {name: shown for name, shown in rest.items() if _is_error(shown[1])}
    groups[REST] = {name: rest[name] for name in rest if name not in failures} | groups.pop(REST)
    groups[SIMULATOR] = _members(simulator)
    groups[ERRORS] = {"MgnError": failures.pop("MgnError")} | failures
    return groups


def _offered(face: Any, name: str) -> tuple[str, tuple[str, Any]]:
    """A name of a room's face, as a program imports it."""
    room = face.__name__.rpartition(".")[2]
    if room in mgn_fast.__all__:
        return f"{room}.{name}", (f"mgn_fast.{room}.{name}", getattr(face, name))
    return name, (f"from {face.__name__} import {name}\n\n{name}", getattr(face, name))


def _members(face: Any) -> dict[str, tuple[str, Any]]:
    """A room's public functions and classes."""
    members = ((name, getattr(face, name)) for name in face.__all__)
    return dict(
        _offered(face, name)
        for name, value in members
        if inspect.isfunction(value) or inspect.isclass(value)
    )


def _calls() -> str:
    rows = ["| command | in Python |", "| --- | --- |"]
    for command, names in CALLS.items():
        links = ", ".join(f"[`{name}`](#{_anchor(name)})" for name in names.split())
        rows.append(f"| `mgn-fast {command}` | {links} |")
    return "\n".join(rows)


def _is_error(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, Exception)


def _contents() -> str:
    lines = []
    for title, names in _groups().items():
        links = ", ".join(f"[`{name}`](#{_anchor(name)})" for name in names)
        lines.append(_wrapped(f"- **{title}**: {links}"))
    return "\n".join(lines)


def _anchor(name: str) -> str:
    """As GitHub makes it of a heading."""
    return re.sub(r"[^\w\- ]", "", name.lower()).replace(" ", "-")


def entry(name: str, shown: str, value: Any) -> Iterator[str]:
    """What the page says of one name.

    Args:
        name: its heading.
        shown: how a program writes it.
        value: the function or class.

    Yields:
        Blocks of Markdown.
    """
    yield f"### {name}"
    if _is_error(value):
        bases = [base.__name__ for base in value.__bases__]
        yield f"A subclass of {' and '.join(f'`{base}`' for base in bases)}."
        yield markdown(inspect.getdoc(value) or "")
        return
    yield _code(shown, value)
    yield markdown(inspect.getdoc(value) or "")
    if inspect.isclass(value):
        for method, function in _methods(value):
            yield from _method_entry(method, function)


def _methods(kind: type) -> Iterator[tuple[str, Any]]:
    """Public methods and properties of the class and its public bases, in the order they stand."""
    seen = set()
    for base in kind.__mro__:
        if not base.__module__.startswith("mgn_fast"):
            continue
        for name, value in vars(base).items():
            plain = getattr(value, "__func__", value)
            is_one = inspect.isfunction(plain) or isinstance(value, property)
            hidden = name in INTERNAL or (name.startswith("_") and name != "__call__")
            if name in seen or not is_one or hidden:
                continue
            seen.add(name)
            if (plain.fget if isinstance(plain, property) else plain).__doc__:
                yield name, value


def _method_entry(name: str, value: Any) -> Iterator[str]:
    function = getattr(value, "__func__", value)
    if isinstance(function, property):
        text = inspect.getdoc(function.fget) or ""
        yield f"**`.{name}`** (property)"
    else:
        text = inspect.getdoc(function) or ""
        first = () if isinstance(value, staticmethod) else ("self", "cls")
        shown = "" if name == "__call__" else f".{name}"
        yield f"**`{shown}{_one_line(function, first)}`**"
    yield markdown(text)


def _one_line(function: Any, dropped: tuple[str, ...]) -> str:
    arguments, returns = _arguments(function, dropped)
    return f"({', '.join(arguments)}){returns}"


def _code(shown: str, value: Any) -> str:
    """A call, on one line where it fits."""
    arguments, returns = _arguments(value, ("self", "cls"))
    if inspect.isclass(value):
        returns = ""
        if value.__name__ in GIVEN:
            return f"```python\n{shown.partition(chr(10))[0]}\n```"
    line = f"{shown}({', '.join(arguments)}){returns}"
    if max(map(len, line.splitlines())) > 100:
        inner = "".join(f"    {argument},\n" for argument in arguments)
        line = f"{shown}(\n{inner}){returns}"
    return f"```python\n{line}\n```"


def _arguments(value: Any, dropped: tuple[str, ...]) -> tuple[list[str], str]:
    """Of a call, with types, the marker of keywords and defaults; and what it returns."""
    try:
        signature = inspect.signature(value)
    except ValueError:
        return ["..."], ""
    words: list[str] = []
    keywords = False
    for parameter in signature.parameters.values():
        if parameter.name in dropped:
            continue
        if parameter.kind is parameter.KEYWORD_ONLY and not keywords:
            keywords = True
            words.append("*")
        words.append(_argument(parameter))
    annotation = signature.return_annotation
    has_one = annotation is not inspect.Signature.empty and annotation != "None"
    return words, f" -> {_type(annotation)}" if has_one else ""


def _argument(parameter: inspect.Parameter) -> str:
    stars = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
    text = stars + parameter.name
    annotation = parameter.annotation
    if annotation is not inspect.Parameter.empty:
        text += f": {_type(annotation)}"
    if parameter.default is not inspect.Parameter.empty:
        text += f"{' = ' if ':' in text else '='}{_default(parameter.default)}"
    return text


def _type(annotation: Any) -> str:
    return annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)


def _default(value: Any) -> str:
    """Values as they are written; what has no such form, a factory for instance, as dots."""
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple) and not all(isinstance(part, (int, float)) for part in value):
        return "..."
    return repr(value) if value is None or isinstance(value, (int, float, tuple)) else "..."


def markdown(text: str) -> str:
    """A docstring with Google's sections as Markdown.

    Args:
        text: without the indentation of the source.

    Returns:
        Paragraphs, lists and code.
    """
    blocks = []
    for title, lines in _sections(text):
        body = textwrap.dedent("\n".join(lines)).strip("\n")
        if title in _LISTS and _ITEM.match(_items(body)[0]):
            blocks.append(f"*{title}*")
            blocks.append("\n".join(_bullet(item) for item in _items(body)))
        elif title:
            prose = _prose(body)
            joined = prose.startswith("```")
            blocks.append(f"*{title}*" if joined else f"*{title}*: {prose}")
            blocks += [prose] if joined else []
        elif body:
            blocks.append(_prose(body))
    return "\n\n".join(blocks)


def _sections(text: str) -> Iterator[tuple[str, list[str]]]:
    """Titles and lines; the first without a title."""
    title, lines = "", []
    for line in text.splitlines():
        match = _SECTION.match(line)
        if match:
            yield title, lines
            title, lines = match[1], []
        else:
            lines.append(line)
    yield title, lines


def _items(body: str) -> list[str]:
    """Entries, each with the lines that continue it."""
    items: list[list[str]] = []
    for line in body.splitlines():
        if line.startswith((" ", "\t")) and items:
            items[-1].append(line.strip())
        elif line:
            items.append([line])
    return [" ".join(item) for item in items] or [""]


def _bullet(item: str) -> str:
    match = _ITEM.match(item)
    if match is None:
        return _wrapped(f"- {_escaped(item)}")
    names = ", ".join(f"`{name}`" for name in match[1].split(", "))
    return _wrapped(f"- {names}: {_escaped(match[2])}")


def _wrapped(entry_text: str) -> str:
    """An entry of a list on lines of the documents' width."""
    return textwrap.fill(
        entry_text, LINE, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False
    )


def _prose(body: str) -> str:
    """Paragraphs; doctests and indented text as code, lines with a small indent as a list."""
    blocks = []
    for paragraph in re.split(r"\n\s*\n", body):
        lines = paragraph.splitlines()
        if lines[0].startswith(">>>"):
            blocks.append(f"```python\n{paragraph}\n```")
        elif all(line.startswith("    ") for line in lines):
            blocks.append(f"```text\n{textwrap.dedent(paragraph)}\n```")
        else:
            blocks.append(_paragraph(lines))
    return "\n\n".join(blocks)


def _paragraph(lines: list[str]) -> str:
    """Text, in which lines of an indent of two begin an entry and deeper ones go on."""
    out: list[str] = []
    for line in lines:
        indent = len(line) - len(line.lstrip())
        if indent == 2:
            out += (
                ["", f"- {line.strip()}"]
                if not (out and _is_entry(out[-1]))
                else [f"- {line.strip()}"]
            )
        elif indent and out and _is_entry(out[-1]):
            out[-1] += f" {line.strip()}"
        else:
            out.append(line)
    escaped = [_escaped(line) for line in out]
    return "\n".join(_wrapped(line) if _is_entry(line) else line for line in escaped).strip("\n")


def _is_entry(line: str) -> bool:
    return line.startswith("- ")


def _escaped(text: str) -> str:
    """Stars and angle brackets outside of code, which Markdown would take for its own."""
    parts = text.split("`")
    parts[::2] = [re.sub(r"([*<])", r"\\\1", part) for part in parts[::2]]
    return "`".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
