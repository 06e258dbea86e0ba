# SPDX-License-Identifier: Apache-2.0
"""The README's table of figures: each line says what the record says that it names."""

import json
import re

import pytest

from support.bench_scripts import ROOT, a_record, load

readme_table = load("readme_table")
FIGURE = re.compile(
    r"\| (?P<what>[^|]+) \| (?P<figure>[^|]+) \| \[(?P<name>[^]]+)\]\((?P<to>.+)\) \|"
)


def wrong_lines(text, home):
    """Lines between the markers that do not say what the record says that they name."""
    inside = text.split("<!-- figures: written by bench/run_all.py -->")[1]
    lines = inside.split("<!-- end of figures -->")[0].splitlines()
    rows = [row for row in lines if row.startswith("| ")][2:]
    wrong, quoted, collected = [], [], {}
    for row in rows:
        parts = FIGURE.fullmatch(row)
        if parts is None or not (home / parts["to"]).is_file():
            wrong.append(row)
            continue
        content = json.loads((home / parts["to"]).read_text())
        if "records" in content:
            collected[parts["to"]] = content
            content = content["records"].get(parts["name"], {"headlines": []})
        if "headlines" not in content:
            continue  # made before there were headlines
        said = (parts["to"], parts["name"], parts["what"], parts["figure"])
        quoted.append(said)
        if {"what": said[2], "figure": said[3]} not in content["headlines"]:
            wrong.append(row)
    for link, content in collected.items():
        for name, one in content["records"].items():
            lines = [(link, name, line["what"], line["figure"]) for line in one["headlines"]]
            wrong += [line for line in lines if quoted.count(line) != 1]
    if collected and len({FIGURE.fullmatch(row)["to"] for row in rows if row not in wrong}) > 1:
        wrong.append(f"more than one record: {sorted(collected)} and others")
    return wrong


def test_every_figure_of_the_readme_is_its_records():
    text = (ROOT / "README.md").read_text()
    assert text.count("](bench/results/") >= 5
    assert wrong_lines(text, ROOT) == []


def test_every_record_that_the_readme_links_is_there():
    links = re.findall(r"\]\((bench/results/[^)]+)\)", (ROOT / "README.md").read_text())
    assert [link for link in links if not (ROOT / link).is_file()] == []


@pytest.fixture
def home(tmp_path):
    """A README with its table from a record of two scripts."""
    readme = tmp_path / "README.md"
    readme.write_text(f"before\n\n{readme_table.BEGIN}\nold\n{readme_table.END}\n\nafter\n")
    (tmp_path / "2026-11-23-all.json").write_text(json.dumps(a_record()))
    readme_table.rewrite(tmp_path / "2026-11-23-all.json", readme)
    return tmp_path


def test_the_table_is_the_headlines_in_order_and_the_rest_of_the_readme_stays(home):
    link = "(2026-11-23-all.json)"
    assert (home / "README.md").read_text().splitlines() == [
        "before",
        "",
        "<!-- figures: written by bench/run_all.py -->",
        "",
        "| measured | figure | record |",
        "| --- | --- | --- |",
        f"| a against b | 9.5 times | [eval]{link} |",
        f"| c | 17 ms | [eval]{link} |",
        f"| simulated: d | 0 of 4,578 | [faults]{link} |",
        "",
        "Measured 2026-11-23 on 2 cores (AMD EPYC, family 26, model 2), commit abc;",
        "`bench/README.md` says how.",
        "",
        "<!-- end of figures -->",
        "",
        "after",
    ]
    assert wrong_lines((home / "README.md").read_text(), home) == []


def test_parts_of_another_machine_are_said_to_be():
    record = a_record()
    elsewhere = {"cores": 4, "cpu": "Intel", "commit": "def", "date": "2026-11-26T01:02:03+00:00"}
    for name in ("faults", "kills"):
        record["records"][name] = {"headlines": [], "environment": elsewhere}
    record["records"]["eval"]["environment"] = record["environment"]
    assert readme_table.table(record, "all.json").splitlines()[-3:] == [
        "Measured 2026-11-23 on 2 cores (AMD EPYC, family 26, model 2), commit abc;",
        "faults and kills 2026-11-26 on 4 cores (Intel), commit def;",
        "`bench/README.md` says how.",
    ]


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("9.5 times", "9.6 times"),
        ("| a against b |", "| a against e |"),
        ("[eval]", "[faults]"),
        ("-all.json", "-gone.json"),
        ("| c | 17 ms | [eval](2026-11-23-all.json) |\n", ""),
        ("| 17 ms | [eval](2026-11-23-all.json) |", "| 17 ms | |"),
    ],
)
def test_a_readme_that_says_something_else_is_found_out(home, old, new):
    text = (home / "README.md").read_text()
    assert old in text
    assert wrong_lines(text.replace(old, new), home)


def test_small_sizes_and_records_from_elsewhere_do_not_get_into_the_readme(home):
    before = (home / "README.md").read_bytes()
    (home / "quick.json").write_text(json.dumps(a_record(quick=True)))
    with pytest.raises(ValueError, match="small sizes"):
        readme_table.rewrite(home / "quick.json", home / "README.md")
    (home / "below").mkdir()
    (home / "below" / "README.md").write_bytes(before)
    with pytest.raises(ValueError, match="lies outside"):
        readme_table.rewrite(home / "2026-11-23-all.json", home / "below" / "README.md")
    assert (home / "README.md").read_bytes() == before


@pytest.mark.parametrize("text", ["", "{0}", "{1} {0}", "{0} {0} {1}"])
def test_a_readme_without_its_markers_is_refused(text):
    with pytest.raises(ValueError, match="needs the lines"):
        readme_table.replaced(text.format(readme_table.BEGIN, readme_table.END), "lines")
