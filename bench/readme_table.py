# SPDX-License-Identifier: Apache-2.0
"""The README's table of figures: one line per headline of a record that run_all.py has written."""

from __future__ import annotations

import json
from pathlib import Path

from mgn_fast.common.files import write_atomically

README = Path(__file__).parent.parent / "README.md"
BEGIN = "<!-- figures: written by bench/run_all.py -->"
END = "<!-- end of figures -->"


def rewrite(path, readme=README):
    """Puts a record's headlines between the README's two markers.

    Raises:
        ValueError: the record is of small sizes or lies elsewhere than below the README, or the
            README has not both markers, once each.
    """
    all_of_it = json.loads(path.read_bytes())
    if all_of_it["quick"]:
        raise ValueError(f"{path} is of small sizes (--quick): its figures are not for the README")
    home = readme.resolve().parent
    if not path.resolve().is_relative_to(home):
        raise ValueError(f"{path} lies outside {home}, expected a record that README.md can link")
    link = path.resolve().relative_to(home).as_posix()
    text = replaced(readme.read_text(), table(all_of_it, link))
    write_atomically(readme, text.encode())
    print(f"{readme.name}: its table is now that of {link}")


def table(all_of_it, link):
    """The table's lines, each naming its record, and where and when it was measured."""
    lines = ["| measured | figure | record |", "| --- | --- | --- |"]
    for name, one in all_of_it["records"].items():
        for headline in one["headlines"]:
            lines.append(f"| {headline['what']} | {headline['figure']} | [{name}]({link}) |")
    day = all_of_it["started"].partition("T")[0]
    lines += ["", f"Measured {day} on {_where(all_of_it['environment'])}{_elsewhere(all_of_it)};"]
    return "\n".join([*lines, "`bench/README.md` says how."])


def _where(place):
    return f"{place['cores']} cores ({place['cpu']}), commit {place['commit']}"


def _elsewhere(all_of_it):
    """The parts that were added on another machine (--again), and where that was."""
    parts = {}
    for name, one in all_of_it["records"].items():
        place = one.get("environment", all_of_it["environment"])
        if place["cpu"] != all_of_it["environment"]["cpu"]:
            day = place["date"].partition("T")[0]
            parts.setdefault(f"{day} on {_where(place)}", []).append(name)
    return "".join(f";\n{' and '.join(names)} {where}" for where, names in parts.items())


def replaced(text, lines):
    """The README with other lines between its markers."""
    if text.count(BEGIN) != 1 or text.count(END) != 1 or text.index(END) < text.index(BEGIN):
        raise ValueError(f"README.md needs the lines {BEGIN!r} and {END!r}, once each, in order")
    before, _, rest = text.partition(BEGIN)
    return f"{before}{BEGIN}\n\n{lines}\n\n{END}{rest.partition(END)[2]}"
