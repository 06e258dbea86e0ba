# SPDX-License-Identifier: Apache-2.0
"""Runs and ranked lists that the tests of reports share: seeded, small, with real picture files."""

import hashlib
from types import SimpleNamespace

import numpy as np
import simplejpeg

from mgn_fast import Identities
from mgn_fast.evaluation.body_parts import PartComparison
from mgn_fast.evaluation.measure import measure_embeddings
from mgn_fast.evaluation.protocol import Protocol
from mgn_fast.evaluation.reranking import RerankSettings
from mgn_fast.models.parts import PARTS
from mgn_fast.report import AnalysisBuilder, RankedList, Tile

HOSTILE = "</script><script>alert(1)</script><b>&amp; '\"` \u202e\x00\x1b[2J \udcff {{ 7 * 7 }}.jpg"


def identities(random, count, persons=7, cameras=3):
    return Identities(random.integers(0, persons, count), random.integers(1, cameras + 1, count))


def hard_run(seed, queries=23, gallery=61, width=4):
    """Unit embeddings of few directions, so that many distances are equal, and who is who."""
    random = np.random.default_rng(seed)
    rows = [random.integers(-1, 2, (n, width)).astype(np.float32) for n in (queries, gallery)]
    for some in rows:
        some[~some.any(axis=1), 0] = 1.0
        some /= np.linalg.norm(some, axis=1, keepdims=True)
    return rows, (identities(random, queries), identities(random, gallery))


def analysed(rows, who, protocol=None, **options):
    """The reports and the analysis of a run, plain and re-ranked."""
    protocol = protocol or Protocol()
    builder = AnalysisBuilder(*who, protocol, **options)
    reports = {}
    for ranking, settings in (("plain", None), ("re-ranked", RerankSettings(k1=6, k2=3))):
        (reports[ranking],) = measure_embeddings(
            *rows, *who, [protocol], rerank=settings, observers=builder.block_observers()
        )
        builder.add(ranking, reports[ranking])
    return reports, builder.analysis()


def write_pictures(directory, count, height=32, width=16):
    """Paths of JPEG files, no two alike."""
    random = np.random.default_rng(count)
    paths = []
    for number in range(count):
        coarse = random.integers(0, 256, (4, 2, 3), dtype=np.uint8)
        pixels = np.ascontiguousarray(coarse.repeat(height // 4, 0).repeat(width // 2, 1))
        paths.append(directory / f"{number:04d}_c{number % 3 + 1}.jpg")
        paths[-1].write_bytes(simplejpeg.encode_jpeg(pixels))
    return paths


class Searched:
    """A gallery of these files, in memory; of several `files` the last picture is in the last."""

    model = None
    contract = None
    files = ()

    def __init__(self, paths):
        self._paths = paths
        self._sha256 = [hashlib.sha256(path.read_bytes()).hexdigest() for path in paths]
        self.labels = {}

    def __len__(self):
        return len(self._paths)

    def name(self, place):
        return self._paths[place].name

    def sha256(self, place):
        return self._sha256[place]

    def picture_path(self, place):
        return self._paths[place]

    def label(self, place):
        return self.labels.get(place, {})

    def origin(self, place):
        is_last = place == len(self) - 1
        return SimpleNamespace(path=self.files[-1 if is_last else 0]), place


def parts_of(random, named=PARTS):
    cosines = random.uniform(0.2, 0.95, len(named))
    return PartComparison(tuple(cosines / len(named)), tuple(cosines), named)


def lists_of(paths, count, depth=10, *, parts=(), known=True, rankings=("plain", "re-ranked")):
    """Lists of seeded verdicts over these pictures; the first's first match is at rank 1."""
    random = np.random.default_rng(count)
    return [
        _list(random, paths, number, depth, parts=parts, known=known, rankings=rankings)
        for number in range(count)
    ]


def _list(random, paths, number, depth, *, parts, known, rankings):
    path = paths[number % len(paths)]
    who = (number % 5 + 1, number % 3 + 1) if known else (None, None)
    tiles, firsts = {}, {}
    for ranking in rankings:
        verdicts = random.choice(["match", "other", "junk"], depth, p=[0.3, 0.6, 0.1])
        if number == 0:
            verdicts[0] = "match"
        counted = [verdict for verdict in verdicts if verdict != "junk"]
        firsts[ranking] = counted.index("match") + 1 if "match" in counted else depth + 7
        tiles[ranking] = [
            Tile(
                name=picture.name,
                path=picture,
                verdict=str(verdict) if known else "unknown",
                person=(who[0] if verdict != "other" else 99) if known else None,
                camera=int(random.integers(1, 4)) if known else None,
                distance=0.5 + place / 20,
                parts=parts_of(random, parts) if parts else None,
            )
            for place, (verdict, at) in enumerate(
                zip(verdicts, random.integers(0, len(paths), depth), strict=True)
            )
            for picture in [paths[at]]
        ]
    precision = {name: round(float(random.random()), 3) for name in rankings} if known else {}
    name = f"query-{number:04d}.jpg"
    query = Tile(name, path, "query", *who)
    return RankedList(query, tiles, precision, firsts if known else {})
