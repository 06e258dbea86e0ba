# SPDX-License-Identifier: Apache-2.0
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mgn_fast import InvalidInputError, Report
from mgn_fast.evaluation.agreement import Agreement
from mgn_fast.models.contract import MGN, Contract
from mgn_fast.verification.findings import (
    Drift,
    Float16Ends,
    Limits,
    Retrieval,
    Verification,
    VerifiedModel,
)

OTHER = Contract(height=64, width=32, colour="BGR", embedding_width=5, origin="a sidecar")
AGREEMENT = Agreement(4, 0.995, 0.999, 0.1, 0.05, 2)


def report(value):
    return Report(value, 0.5, np.array([value, 1.0]), np.array([value, np.nan]), 1)


def found(*, limits=None, plain=(0.86, 0.86), reranked=(0.94, 0.94), cosine=0.995):
    retrievals = {"plain": plain, "re-ranked": reranked}
    return Verification(
        reference=VerifiedModel(Path("a.onnx"), "onnxruntime", False, MGN, 0.5),
        candidate=VerifiedModel(Path("a.om"), "ascend", True, OTHER, None),
        mirror=True,
        num_pictures=4,
        skipped=(("x", "no picture"),),
        agreement=replace(AGREEMENT, cosine_min=cosine),
        farthest="3.jpg",
        top1_agreement=0.75,
        retrievals={
            name: Retrieval(report(pair[0]), report(pair[1]))
            for name, pair in retrievals.items()
            if pair is not None
        },
        drift=None,
        limits=limits or Limits(),
    )


# One row per clause: what is found, and the words of each failure.
CLAUSES = {
    "all kept": ({}, []),
    "a drop of as much as allowed": ({"plain": (0.5, 0.25), "limits": Limits(None, 0.25)}, []),
    "a larger drop": (
        {"plain": (0.86, 0.84)},
        ["plain mAP drops by 0.0200, from 0.8600 to 0.8400, expected at most 0.01"],
    ),
    "a drop of the re-ranked": ({"reranked": (0.94, 0.92)}, ["re-ranked mAP drops by 0.0200"]),
    "both": ({"plain": (1, 0), "reranked": (1, 0)}, ["plain mAP drops", "re-ranked mAP drops"]),
    "a rise": ({"plain": (0.5, 0.9)}, []),
    "no limit of cosine": ({"cosine": -1.0}, []),
    "cosine at the limit": ({"limits": Limits(min_cosine=0.995)}, []),
    "cosine below it": (
        {"limits": Limits(min_cosine=0.996)},
        ["cosine is 0.995000 for 3.jpg, expected at least 0.996 for every picture"],
    ),
    "a published value in reach": ({"limits": Limits(published=0.9433)}, []),
    "a published value out of reach": (
        {"limits": Limits(published=0.96)},
        ["re-ranked mAP is 0.9400, 0.0200 below the published 0.96, expected at most 0.01"],
    ),
    "the plain one counts where there is no other": (
        {"limits": Limits(published=0.94), "reranked": None},
        ["plain mAP is 0.8600, 0.0800 below the published 0.94"],
    ),
    "better than published": ({"limits": Limits(published=0.5)}, []),
}


@pytest.mark.parametrize(("given", "expected"), CLAUSES.values(), ids=CLAUSES.keys())
def test_limits_are_judged(given, expected):
    verification = found(**given)
    failures = verification.failures
    assert len(failures) == len(expected)
    assert all(text.startswith(start) for text, start in zip(failures, expected, strict=True))
    assert verification.passed is not bool(expected)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"min_cosine": 1.1}, "min_cosine is 1.1, expected a number from -1 to 1"),
        ({"min_cosine": float("nan")}, "min_cosine is nan"),
        ({"max_map_drop": -0.01}, "max_map_drop is -0.01, expected a number from 0 to 1"),
        ({"max_map_drop": True}, "max_map_drop is True"),
        ({"max_map_drop": None}, "max_map_drop is None"),
        ({"published": 94.33}, "published is 94.33, expected a number from 0 to 1"),
        ({"published": "0.9"}, "published is '0.9'"),
    ],
)
def test_limits_out_of_range_are_refused(values, message):
    with pytest.raises(InvalidInputError, match=message):
        Limits(**values)


def test_the_record_is_plain_json(tmp_path):
    errors = (0.0028, 0.0015, 0.0013)
    drift = Drift(Float16Ends(aipp=True, output=False), errors, AGREEMENT, AGREEMENT, AGREEMENT)
    verification = replace(found(plain=(0.9, 0.8)), drift=drift, warnings=("careful",))
    record = json.loads(verification.to_json(tmp_path / "v.json").read_text())
    assert record == json.loads(json.dumps(verification.to_dict()))
    assert record["schema"] == "mgn_fast.verify/1"
    assert (record["passed"], len(record["failures"])) == (False, 1)
    assert record["candidate"] == {
        "path": "a.om",
        "backend": "ascend",
        "simulated": True,
        "contract": OTHER.to_dict(),
        "contract_origin": "a sidecar",
        "likeness": None,
    }
    assert record["retrievals"]["plain"]["drop"] == pytest.approx(0.1)
    assert record["retrievals"]["plain"]["candidate"]["average_precision"] == [0.8, None]
    assert record["drift"]["ends"] == {"aipp": True, "output": False}
    assert record["drift"]["left"]["farthest"] == 2
    assert record["skipped"] == [{"name": "x", "reason": "no picture"}]
    assert record["warnings"] == ["careful"]
    assert record["limits"]["max_map_drop"] == 0.01
