# SPDX-License-Identifier: Apache-2.0
"""Protocols that count matches on their own, written to be read: every draw there is, one by one.

Only for galleries of a few pictures: there are as many draws as the product of all persons' picture
counts.
"""

from __future__ import annotations

import itertools

import numpy as np

from mgn_fast import Identities
from oracles import retrieval


def kept_columns(person, camera, gallery, same_camera):
    """Gallery positions that stay in the query's ranking."""
    own = gallery.camera == camera
    if same_camera == "drop":
        own &= gallery.person == person
    return [j for j in range(len(gallery)) if same_camera == "keep" or not own[j]]


def all_draws(columns, gallery):
    """Every choice of one of the columns per person, each as likely, in gallery order."""
    by_person = {}
    for j in columns:
        by_person.setdefault(int(gallery.person[j]), []).append(j)
    return [sorted(draw) for draw in itertools.product(*by_person.values())]


def single_shot(distances, query, gallery, *, max_rank=50, ap="sklearn", same_camera="drop"):
    """Average precision per query, cmc and mINP: means over all draws."""
    precisions, penalties, curves = [], [], []
    for row, person, camera in zip(distances, query.person, query.camera, strict=True):
        columns = kept_columns(person, camera, gallery, same_camera)
        if person not in gallery.person[columns]:
            precisions.append(np.nan)
            continue
        got = []
        for draw in all_draws(columns, gallery):
            drawn = Identities(gallery.person[draw], gallery.camera[draw])
            one = Identities([person], [camera])
            options = {"max_rank": max_rank, "ap": ap, "same_camera": "keep"}
            got.append(retrieval.evaluate(row[None, draw], one, drawn, **options))
        precisions.append(np.mean([precision[0] for precision, *_ in got]))
        curves.append(np.mean([curve for _, curve, *_ in got], axis=0))
        penalties.append(np.mean([penalty for *_, penalty, _ in got]))
    return np.array(precisions), np.mean(curves, axis=0), float(np.mean(penalties))


def every_match_cmc(distances, query, gallery, *, max_rank=50, same_camera="drop"):
    """The cmc without a break at the first match: each match ranked among the strangers."""
    curves = []
    for row, person, camera in zip(distances, query.person, query.camera, strict=True):
        hits, _ = retrieval.ranked(row, person, camera, gallery, same_camera)
        strangers = [hits[:i].count(False) for i, hit in enumerate(hits) if hit]
        if strangers:
            ranks = np.arange(max_rank)
            curves.append([np.mean([before <= rank for before in strangers]) for rank in ranks])
    return np.mean(curves, axis=0)
