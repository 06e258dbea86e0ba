# SPDX-License-Identifier: Apache-2.0
"""How well do groups without labels match persons, and how long do they take, against NumPy?

People: the drawn set, embedded by the demo's model (MGN with seeded random weights); with --crops,
real ones by a trained model. Of each the adjusted Rand index for several k1 and k2, because the
best are those that fit the number of pictures of a person.
Time, on seeded unit rows of 2048 numbers of Market-1501's size, queries and gallery together,
distractors among them; round by round in one process:
  group     neighbours of all pictures, Jaccard distances, near pairs, and scikit-learn's DBSCAN;
  product   numpy's float32 product of all pairs alone, block by block: no order, no distances. The
            limit of what compares all pairs.
Before anything is timed groups are held against DBSCAN over a dense matrix of Jaccard distances,
made of the definition, on some of the rows. Not counted: drawing and embedding.

    python bench/bench_group.py [--persons 50] [--rows 19281] [--rounds 3]
    python bench/bench_group.py --crops CROPS --model MODEL --contract torchreid --about "which"
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np
from sklearn.cluster import DBSCAN

import drawn
import record
from mgn_fast import Embedder, datasets, export_onnx, group
from mgn_fast.common.threads import blas_threads, thread_count
from mgn_fast.evaluation import adjusted_rand_index
from mgn_fast.pictures import list_pictures

# k1 and k2: the defaults, and those for persons with few pictures.
SETTINGS = ((20, 6), (10, 6), (6, 3))
EPS, CHECKED, BLOCK = 0.5, 800, 1024


def dense_jaccard(rows, k1, k2):
    """Jaccard distances of all pairs by their definition, in matrices of all pairs."""
    rows = rows.astype(np.float64)
    distances = np.array([np.square(rows - row).sum(axis=1) for row in rows])
    distances /= distances.max(axis=1, keepdims=True)
    order = np.argsort(distances, axis=1, kind="stable")

    def mutual(picture, depth):
        return {j for j in order[picture, :depth] if picture in order[j, :depth]}

    vectors = np.zeros_like(distances)
    for i in range(len(rows)):
        own = mutual(i, k1 + 1)
        members = set(own)
        for j in own:
            theirs = mutual(j, round(k1 / 2) + 1)
            if 3 * len(theirs & own) > 2 * len(theirs):
                members |= theirs
        chosen = sorted(members)
        weights = np.exp(-distances[i, chosen])
        vectors[i, chosen] = weights / weights.sum()
    vectors = np.array([vectors[order[i, :k2]].mean(axis=0) for i in range(len(rows))])
    shared = np.array([np.minimum(row, vectors).sum(axis=1) for row in vectors])
    return np.maximum(1 - shared / (2 - shared), 0)


def check_answers(rows):
    """The same groups as by the dense matrix."""
    k1, k2 = SETTINGS[0]
    distances = dense_jaccard(rows, k1, k2)
    np.fill_diagonal(distances, 0)
    # float32 sums differ from float64 ones by less than 1e-6: the limit is put between two pairs.
    near = np.unique(distances[np.abs(distances - EPS) < 0.01])
    widest = int(np.diff(near).argmax())
    eps = float(near[widest : widest + 2].mean())
    expected = DBSCAN(eps=eps, min_samples=2, metric="precomputed").fit(distances).labels_
    found = group(rows, k1=k1, k2=k2, eps=eps)
    alone = -1 - np.arange(len(rows))
    if adjusted_rand_index(found, np.where(expected < 0, alone, expected)) != 1:
        raise ValueError("groups are not those of the dense matrix")


def judged_groups(rows, persons):
    """Of each setting how many groups there are, and how well they are persons."""
    judged = []
    for k1, k2 in SETTINGS:
        groups = group(rows, k1=k1, k2=k2, eps=EPS)
        known = np.flatnonzero(persons != 0)
        judged.append(
            {
                "k1": k1,
                "k2": k2,
                "groups": int(groups.max()) + 1,
                "alone": int((groups < 0).sum()),
                "adjusted_rand_index": adjusted_rand_index(groups[known], persons[known]),
            }
        )
    return judged


def people_of(pictures, model, names_to_persons, **options):
    """Pictures embedded and judged."""
    with Embedder(model, **options) as embedder:
        rows = embedder(pictures)
    persons = np.asarray(names_to_persons)
    return {
        "pictures": len(rows),
        "persons": len(np.unique(persons[persons != 0])),
        "settings": judged_groups(rows, persons),
    }


def drawn_people(persons):
    """The drawn set by the demo's model."""
    with tempfile.TemporaryDirectory() as made:
        dataset = datasets.synthetic(Path(made, "set"), persons=persons)
        model = export_onnx(None, Path(made, "random.onnx"), verify=False)
        paths = [*dataset.query.paths, *dataset.gallery.paths]
        who = np.concatenate([dataset.query.person, dataset.gallery.person])
        return people_of(paths, model, who)


def real_people(arguments):
    """Crops of one's own, named as Market-1501's are."""
    paths = list_pictures(arguments.crops)
    who = [int(path.name.split("_")[0]) for path in paths]
    people = people_of(paths, arguments.model, who, contract=arguments.contract)
    return {"about": arguments.about, "model": arguments.model.name} | people


def measure(rows, rounds):
    """Both ways, side by side."""

    def product():
        for start in range(0, len(rows), BLOCK):
            np.matmul(rows[start : start + BLOCK], rows.T, out=buffer[: len(rows) - start])

    buffer = np.empty((BLOCK, len(rows)), np.float32)
    work = {"group": lambda: group(rows, eps=EPS), "product": product}
    memory = {"group": drawn.added_memory(work["group"])}
    with blas_threads(thread_count()):
        return drawn.compare(work, rounds), memory


def best_of(people):
    """The setting with the highest index."""
    return max(people["settings"], key=lambda one: one["adjusted_rand_index"])


def headlines(people, count, figures, memory):
    """What the README says of it."""
    best, usual = best_of(people), people["settings"][0]
    ratio, seconds = drawn.ratio(figures, "group", "product"), figures["group"]["wall"]["median_s"]
    return [
        record.headline(
            f"{people['pictures']:,} pictures of {people['persons']} drawn people grouped without "
            "labels by MGN with random weights: adjusted Rand index against who they are",
            f"{usual['adjusted_rand_index']:.2f}, {best['adjusted_rand_index']:.2f} with "
            f"k1 {best['k1']} and k2 {best['k2']}",
        ),
        record.headline(
            f"groups of {count:,} drawn embeddings, against NumPy's product of all pairs alone",
            f"{record.two_digits(ratio)} of its time, {record.duration(seconds)}, "
            f"{record.memory(memory['group'])}",
        ),
    ]


def main():
    """Draws, checks, measures and records."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--persons", type=int, default=50, help="of the drawn set")
    parser.add_argument("--rows", type=int, default=19_281, help="drawn embeddings")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--crops", type=Path, help="pictures named as Market-1501's")
    parser.add_argument("--model", type=Path, help="embeds the crops")
    parser.add_argument("--contract", help="of that model")
    parser.add_argument("--about", help="which crops these are, for the record")
    arguments = parser.parse_args()
    environment = record.environment()
    query, gallery, asked, held = drawn.draw("market1501")
    rows = np.concatenate([query, gallery])[-arguments.rows :]
    persons = np.concatenate([asked.person, held.person])[-arguments.rows :]
    check_answers(rows[:CHECKED])
    # First: models that were open leave memory behind in which the growth would not be seen.
    figures, memory = measure(rows, arguments.rounds)
    people = {"drawn": drawn_people(arguments.persons)}
    if arguments.crops:
        people["crops"] = real_people(arguments)
    for name, one in people.items():
        for setting in one["settings"]:
            print(name, one["pictures"], "pictures,", one["persons"], "persons:", setting)
    record.write(
        "group",
        {
            "question": __doc__.splitlines()[0],
            "environment": environment,
            "eps": EPS,
            "people": people,
            "rows": len(rows),
            "embeddings": judged_groups(rows, persons),
            "ways": figures,
            "added_memory_mb": memory,
        },
        headlines(people["drawn"], len(rows), figures, memory),
    )


if __name__ == "__main__":
    main()
