# SPDX-License-Identifier: Apache-2.0
"""What `mgn-fast gallery` does: its actions, and what each says of what came of it."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mgn_fast.cli import exit_codes
from mgn_fast.cli.options import simulated_note
from mgn_fast.cli.screen.progress import say
from mgn_fast.common.files import read_limited, replacing
from mgn_fast.common.text import printable
from mgn_fast.errors import InvalidInputError
from mgn_fast.gallery.editing.changes import Changed, compact, label, remove, rename
from mgn_fast.gallery.editing.exporting import columns, export, save_table, text_of, write_table
from mgn_fast.gallery.editing.facts import Facts, info
from mgn_fast.gallery.editing.merging import merge
from mgn_fast.gallery.editing.selection import Selection
from mgn_fast.gallery.file import WORDS
from mgn_fast.gallery.gallery import Gallery
from mgn_fast.models.in_use import in_one_line

_MAX_LIST_BYTES = 1 << 30


def run_info(arguments: argparse.Namespace) -> int:
    """Says what a gallery's file holds; exit code 0."""
    facts = info(arguments.gallery)
    if arguments.json:
        contract = facts.contract
        described = vars(facts) | {
            "path": str(facts.path),
            "contract": None if contract is None else contract.to_dict(),
            "contract_origin": None if contract is None else contract.origin,
        }
        print(json.dumps(described))
    else:
        print("\n".join(_lines(facts)))
    return exit_codes.OK


def _lines(facts: Facts) -> list[str]:
    count = facts.num_pictures
    pictures = f"{count:,} pictures"
    if facts.num_names < count:
        pictures += f" under {facts.num_names:,} names"
    lines = [
        printable(str(facts.path)),
        f"  {'pictures':11}{pictures}, {facts.dtype} {facts.width} wide",
        f"  {'model':11}{'not known' if facts.model is None else printable(facts.model)}",
    ]
    lines += [f"  {'':11}{note}" for note in simulated_note(facts.simulated)]
    if facts.contract is not None:
        lines.append(f"  {'contract':11}{printable(in_one_line(facts.contract))}")
    different = {"person": facts.num_persons, "camera": facts.num_cameras}
    said = [
        f"{printable(key)} of {number:,}"
        + (f" ({different[key]:,} different)" if key in different else "")
        for key, number in sorted(facts.num_labelled.items(), key=lambda item: -item[1])
    ]
    lines.append(f"  {'labels':11}{', '.join(said) or 'none'}")
    lines.append(f"  {'file':11}{facts.num_bytes:,} bytes{_waiting(facts)}")
    return lines


def _waiting(facts: Facts) -> str:
    if not facts.num_edits:
        return ""
    return (
        f", of which {facts.waiting_bytes:,} ({facts.num_removed:,} removed pictures, "
        f"{facts.num_edits:,} edits) wait for `mgn-fast gallery compact`"
    )


def run_list(arguments: argparse.Namespace) -> int:
    """Prints a line for each picture, or writes a table of them; exit code 0."""
    gallery = Gallery.load(arguments.gallery)
    places = _chosen(arguments, gallery)
    if arguments.csv is not None:
        table = columns(gallery, places)
        if str(arguments.csv) == "-":
            write_table(table, sys.stdout)
        else:
            with replacing(arguments.csv) as made:
                save_table(table, made)
        return exit_codes.OK
    labels = [gallery.label(place) for place in places]
    if arguments.json:
        pictures = [
            {"place": place, "name": gallery.name(place), "sha256": gallery.sha256(place)}
            | {"labels": own}
            for place, own in zip(places, labels, strict=True)
        ]
        print(json.dumps({"gallery": str(arguments.gallery), "pictures": pictures}))
        return exit_codes.OK
    for place, own in zip(places, labels, strict=True):
        keys = sorted(own, key=lambda key: (*WORDS, key).index(key))
        words = [f"{key}={text_of(own[key])}" for key in keys]
        print("  ".join([printable(gallery.name(place)), *map(printable, words)]))
    return exit_codes.OK


def _chosen(arguments: argparse.Namespace, gallery: Gallery) -> list[int]:
    """Places of the pictures that --match and --person mean; all, where neither is given."""
    places = range(len(gallery))
    if arguments.match is None and arguments.person is None:
        return list(places)
    selection = Selection.of((), arguments.match, arguments.person)
    pictures = (
        (place, gallery.name(place), gallery.label(place).get("person")) for place in places
    )
    chosen, missing = selection.chosen(pictures)
    _say_missing(missing)
    return chosen


def run_remove(arguments: argparse.Namespace) -> int:
    """Removes pictures; exit code 0."""
    names = [*arguments.names, *_listed(arguments.list)]
    if not names and arguments.match is None and arguments.person is None:
        raise InvalidInputError("no pictures are named; expected NAME, --list, --match or --person")
    changed = remove(
        arguments.gallery,
        names,
        match=arguments.match,
        person=arguments.person,
        missing_ok=arguments.missing_ok,
        compact=arguments.compact,
    )
    return _told(arguments, changed, "removed")


def _listed(path: Path | None) -> list[str]:
    """The lines of a file, or of standard input for "-"."""
    if path is None:
        return []
    if str(path) == "-":
        content = sys.stdin.buffer.read()
    else:
        content = read_limited(path, _MAX_LIST_BYTES, InvalidInputError, what="--list")
    # As the names of files, which need not be UTF-8.
    lines = content.decode("utf-8", "surrogateescape").split("\n")
    return [line.removesuffix("\r") for line in lines if line.strip()]


def run_rename(arguments: argparse.Namespace) -> int:
    """Gives pictures new names; exit code 0."""
    changed = rename(arguments.gallery, arguments.old, arguments.new, prefix=arguments.prefix)
    return _told(arguments, changed, "renamed")


def run_label(arguments: argparse.Namespace) -> int:
    """Sets labels; exit code 0."""
    if (arguments.labels is None) == (not arguments.name):
        raise InvalidInputError(
            "expected either --labels with a table, or --name with --person, --camera, --set or "
            "--unset"
        )
    labels = arguments.labels if arguments.labels is not None else _labels_in_words(arguments)
    changed = label(arguments.gallery, labels, missing_ok=arguments.missing_ok)
    return _told(arguments, changed, "labelled")


def _labels_in_words(arguments: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """The labels that --name, --person, --camera, --set and --unset say, by name."""
    labels: dict[str, Any] = {}
    for word in arguments.set:
        key, equals, value = word.partition("=")
        if not equals or not key:
            raise InvalidInputError(f"--set is {word!r}, expected KEY=VALUE")
        labels[key] = _json_or_text(value)
    labels |= dict.fromkeys(arguments.unset)
    given = {key: getattr(arguments, key) for key in WORDS}
    labels |= {key: word for key, word in given.items() if word is not None}
    if not labels:
        raise InvalidInputError(
            "--name is given without labels; expected --person, --camera, --set or --unset"
        )
    return dict.fromkeys(arguments.name, labels)


def _json_or_text(value: str) -> Any:
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value


def run_compact(arguments: argparse.Namespace) -> int:
    """Erases what was removed; exit code 0."""
    before = arguments.gallery.stat().st_size if arguments.gallery.is_file() else 0
    changed = compact(arguments.gallery)
    saved = before - arguments.gallery.stat().st_size
    if arguments.json:
        print(json.dumps(_described(arguments, changed) | {"saved_bytes": saved}))
    else:
        name = printable(str(arguments.gallery))
        print(f"{name}: {changed.num_pictures:,} pictures; {saved:,} bytes erased")
    return exit_codes.OK


def run_merge(arguments: argparse.Namespace) -> int:
    """Writes several galleries as one; exit code 0."""
    count = merge(arguments.galleries, arguments.output, prefix=arguments.prefix)
    if arguments.json:
        print(json.dumps({"gallery": str(arguments.output), "num_pictures": count}))
    else:
        print(f"{printable(str(arguments.output))}: {count:,} pictures")
    return exit_codes.OK


def run_export(arguments: argparse.Namespace) -> int:
    """Writes a gallery for other programs; exit code 0."""
    gallery = Gallery.load(arguments.gallery)
    files = export(gallery, arguments.output)
    if arguments.json:
        print(json.dumps({"files": list(map(str, files)), "num_pictures": len(gallery)}))
    else:
        names = " and ".join(printable(str(file)) for file in files)
        print(f"{names}: {len(gallery):,} pictures")
    return exit_codes.OK


def _say_missing(missing: Sequence[str]) -> None:
    for word in missing:
        say(f"note: {printable(word)}: not in the gallery")


def _described(arguments: argparse.Namespace, changed: Changed) -> dict[str, Any]:
    return {"gallery": str(arguments.gallery)} | asdict(changed)


def _told(arguments: argparse.Namespace, changed: Changed, what: str) -> int:
    _say_missing(changed.missing)
    if changed.same_bytes:
        count, first = len(changed.same_bytes), printable(repr(changed.same_bytes[0]))
        say(f"note: {count:,} pictures that stay have the bytes of removed ones, the first {first}")
    if arguments.json:
        print(json.dumps(_described(arguments, changed)))
    else:
        waiting = changed.waiting_bytes
        facts = [f"{changed.num_changed:,} {what}", f"{changed.num_pictures:,} pictures"]
        if waiting:
            facts.append(f"{waiting:,} bytes wait for `mgn-fast gallery compact`")
        print(f"{printable(str(arguments.gallery))}: {'; '.join(facts)}")
    return exit_codes.OK
