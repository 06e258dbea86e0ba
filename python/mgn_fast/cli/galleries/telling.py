# SPDX-License-Identifier: Apache-2.0
"""What `mgn-fast search` says of a finished search: lines, JSON, a CSV file, notes of the page."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from mgn_fast.cli.galleries.found import Search, entries
from mgn_fast.cli.options import simulated_note
from mgn_fast.common.text import csv_bytes, printable
from mgn_fast.evaluation.body_parts import PartComparison
from mgn_fast.report.kit.words import count

COLUMNS = ("query", "rank", "gallery", "name", "distance", "person", "camera")
# What is printed as 0.0000.
_NOTHING = 0.00005


def described(search: Search) -> dict[str, Any]:
    """A search as JSON.

    Args:
        search: finished.

    Returns:
        What was searched and how, and for each query what was found.
    """
    gallery = search.gallery
    files = [str(file) for file in gallery.files]
    contract, refinement = gallery.contract, search.refinement
    return {
        "gallery": files[0] if len(files) == 1 else None,
        "galleries": files,
        "contract": None if contract is None else contract.to_dict(),
        "contract_origin": None if contract is None else contract.origin,
        "num_pictures": len(gallery),
        "reranked": search.reranked,
        "expand": refinement.expand,
        "threshold": refinement.threshold,
        "index": None if search.index is None else vars(search.index),
        "queries": [_query(search, query) for query in range(len(search.queries.names))],
    }


def _query(search: Search, query: int) -> dict[str, Any]:
    known = search.queries.known(query)
    return {
        "name": search.queries.names[query],
        "pictures": [picture.name for picture in search.queries.pictures[query]],
        "person": known.get("person"),
        "camera": known.get("camera"),
        "num_left_out": len(search.left_out(query)),
        "found": list(entries(search, query)),
    }


def lines(search: Search) -> Iterator[str]:
    """A search as lines for a terminal: names in them are printable.

    Args:
        search: finished.

    Yields:
        What the columns are, then for each query its name and what it found.
    """
    kind = "re-ranked distance" if search.reranked else "distance"
    where = " and ".join(printable(str(file)) for file in search.gallery.files)
    yield f"{len(search.gallery):,} pictures in {where}; rank, {kind}, name"
    several = len(search.gallery.files) > 1
    for query, name in enumerate(search.queries.names):
        facts = _facts(search.queries.known(query))
        yield printable(name) + facts
        pictures = search.queries.pictures[query]
        if len(pictures) > 1:
            yield f"{'':6}of {', '.join(printable(picture.name) for picture in pictures)}"
        found = list(entries(search, query))
        for rank, entry in enumerate(found):
            distance = round(entry["distance"], 4) + 0.0  # re-ranked ones may round to -0
            facts = _facts(entry, gallery=entry["gallery"] if several else None)
            yield f"{entry['rank']:4}  {distance:.4f}  {printable(entry['name'])}{facts}"
            if search.parts is not None:
                yield f"{'':14}{_in_words(search.parts[query][rank])}"
        if not found:
            yield f"{'':6}{_none(search)}"


def _none(search: Search) -> str:
    threshold = search.refinement.threshold
    return "no other picture" if threshold is None else f"no picture within {threshold:g}"


def _facts(known: dict[str, Any], gallery: str | None = None) -> str:
    said = [] if gallery is None else [f"in {printable(gallery)}"]
    said += [f"{key} {printable(known[key])}" for key in ("person", "camera") if known.get(key)]
    return f"  ({', '.join(said)})" if said else ""


def table(search: Search) -> bytes:
    """A search as a CSV file: a line for each picture that was found.

    Args:
        search: finished.

    Returns:
        UTF-8 with a line of names; names that are no UTF-8 keep their bytes.
    """
    return csv_bytes(_rows(search))


def _rows(search: Search) -> Iterator[Sequence[Any]]:
    yield COLUMNS
    for query, name in enumerate(search.queries.names):
        for entry in entries(search, query):
            row = {"query": name} | entry
            yield ["" if row[column] is None else row[column] for column in COLUMNS]


def notes(search: Search) -> Iterator[str]:
    """What a reader of the results must know, as sentences.

    Args:
        search: finished.

    Yields:
        Whether an NPU was simulated; own pictures that were left out, and those that may be;
        queries put together, expanded.
    """
    yield from simulated_note(search.queries.simulated or search.gallery.simulated)
    queries = range(len(search.queries.names))
    together = sum(len(pictures) > 1 for pictures in search.queries.pictures)
    if together:
        yield (
            f"{count(together, 'query is', 'queries are')} of several pictures: the mean of their "
            "directions was searched for"
        )
    if search.refinement.expand:
        yield (
            f"each query was averaged with its {search.refinement.expand} nearest and searched for "
            "again; distances are from that mean"
        )
    left_out = [len(search.left_out(query)) for query in queries]
    if any(left_out):
        own = sum(count > 0 for count in left_out)
        yield (
            f"{count(own, 'query has its own picture', 'queries have their own pictures')} in the "
            f"gallery: {count(sum(left_out), 'picture is', 'pictures are')} left out of what was "
            "found (--same-picture keep lists them)"
        )
    if search.reranked:
        return
    nearest = [float(row[0]) for row in search.ranking.distances if len(row)]
    equal = sum(distance < _NOTHING for distance in nearest)
    if equal:
        yield (
            f"{count(equal, 'query has', 'queries have')} a picture at distance 0.0000: the same "
            "picture, or an exact copy of it"
        )


def _in_words(compared: PartComparison) -> str:
    """How near two pictures are in each part: stripes by size, from above; others by name."""
    groups = {"whole": "whole", "half": "halves", "third": "thirds"}
    known = sorted(zip(compared.parts, compared.cosines, strict=True), key=lambda one: one[0].top)
    said = []
    for region, word in groups.items():
        numbers = [f"{cosine:.3f}" for part, cosine in known if part.region == region]
        said += [" ".join([word, *numbers])] if numbers else []
    said += [
        f"{printable(part.name)} {cosine:.3f}" for part, cosine in known if part.region == "unknown"
    ]
    return "  ".join(said)


def query_notes(search: Search, query: int) -> str:
    """What the page says under a query's picture: which others it is of, and that it found none.

    Args:
        search: finished.
        query: its number.

    Returns:
        A few words; "" for nothing to say.
    """
    pictures = search.queries.pictures[query]
    said = []
    if len(pictures) > 1:
        others = ", ".join(Path(picture.name).name for picture in pictures[1:])
        said.append(f"one query with {others}")
    elif pictures[0].path is None:
        said.append("an embedding: no picture")
    if not search.places(query):
        said.append(_none(search))
    return "; ".join(said)
