# SPDX-License-Identifier: Apache-2.0
"""Two models on the same pictures: what is measured, judged, warned of and refused."""

from dataclasses import replace

import numpy as np
import pytest
import simplejpeg

from mgn_fast import (
    DecodeError,
    Embedder,
    InvalidInputError,
    ModelError,
    adopt,
    compile_om,
    datasets,
    evaluate,
    simulator,
)
from mgn_fast.cann import aipp
from mgn_fast.common import memory
from mgn_fast.evaluation.agreement import compare, median_cosine
from mgn_fast.evaluation.reranking import RerankSettings
from mgn_fast.models.contract import Contract
from mgn_fast.verification.findings import Limits
from mgn_fast.verification.run import DRIFT_PICTURES, verify
from support.foreign_model import (
    FOREIGN,
    TWELVE,
    foreign_pictures,
    write_foreign_model,
    write_twelve_outputs,
)
from support.tiny_model import write_rough_model

pytestmark = pytest.mark.usefixtures("whole_command")


@pytest.fixture(scope="module")
def dataset(tmp_path_factory):
    return datasets.synthetic(tmp_path_factory.mktemp("set") / "s", persons=6)


@pytest.fixture(scope="module")
def rough_model(tmp_path_factory):
    return write_rough_model(tmp_path_factory.mktemp("rough") / "rough.onnx")


@pytest.fixture(scope="module")
def aipp_model(tiny_model, tmp_path_factory, own_process):
    path = tmp_path_factory.mktemp("aipp") / "tiny.om"
    return compile_om(tiny_model, path, simulate=True, aipp=True, precision="origin")


@pytest.fixture
def simulated():
    simulator.enable(timing=False)
    yield
    simulator.disable()


def embeddings(model, pictures, **options):
    with Embedder(model, **options) as embedder:
        return embedder(pictures)


def test_a_model_agrees_with_itself(tiny_model, dataset):
    found = verify(tiny_model, tiny_model, dataset, rerank=RerankSettings())
    assert found.passed
    assert found.warnings == ()
    assert found.agreement.cosine_min == 1.0
    assert found.top1_agreement == 1.0
    assert [both.drop for both in found.retrievals.values()] == [0.0, 0.0]
    assert found.drift is None
    assert not found.candidate.simulated


@pytest.mark.parametrize("mirror", [True, False])
def test_a_dataset_is_measured_as_the_parts_measure_it(tiny_model, rough_model, dataset, mirror):
    settings = RerankSettings(k1=7, k2=3, original_weight=0.4)
    found = verify(tiny_model, rough_model, dataset, rerank=settings, mirror=mirror)
    splits = dataset.query, dataset.gallery
    persons = np.concatenate([split.person for split in splits])
    rows = [
        [embeddings(model, split.paths, mirror=mirror) for split in splits]
        for model in (tiny_model, rough_model)
    ]
    both = [np.concatenate(parts) for parts in rows]
    assert found.agreement == compare(*both)
    assert 0.5 < found.agreement.cosine_min < 0.999
    assert (found.num_pictures, found.mirror) == (len(both[0]), mirror)
    paths = [*dataset.query.paths, *dataset.gallery.paths]
    assert found.farthest == str(paths[found.agreement.farthest])
    assert found.reference.median_cosine == pytest.approx(median_cosine(both[0], persons))
    assert found.candidate.median_cosine == pytest.approx(median_cosine(both[1], persons))
    nearest = [np.argmax(query @ gallery.T, axis=1) for query, gallery in rows]
    assert found.top1_agreement == np.mean(nearest[0] == nearest[1])
    identities = [split.identities for split in splits]
    options = {"k1": 7, "k2": 3, "original_weight": 0.4}
    for name, rerank in (("plain", False), ("re-ranked", True)):
        for side, parts in zip(("reference", "candidate"), rows, strict=True):
            expected = evaluate(*parts, *identities, rerank=rerank, **options)
            got = getattr(found.retrievals[name], side)
            assert got.mean_average_precision == expected.mean_average_precision
            np.testing.assert_array_equal(got.cmc, expected.cmc)


def test_pictures_without_labels_have_cosines_only(tiny_model, rough_model, dataset):
    folder = dataset.root / "query"
    found = verify(tiny_model, rough_model, folder)
    ours, theirs = embeddings(tiny_model, folder), embeddings(rough_model, folder)
    assert found.agreement == compare(ours, theirs)
    assert found.retrievals == {}
    nearest = []
    for rows in (ours, theirs):
        cosines = rows @ rows.T
        np.fill_diagonal(cosines, -1)
        nearest.append(np.argmax(cosines, axis=1))
    assert found.top1_agreement == np.mean(nearest[0] == nearest[1])


def test_without_labels_every_cosine_has_a_default_limit(tiny_model, rough_model, dataset):
    found = verify(tiny_model, rough_model, dataset.root / "query")
    assert found.limits.min_cosine == 0.99
    assert found.failures[0].startswith("cosine is 0.9")
    assert verify(
        tiny_model, rough_model, dataset.root / "query", limits=Limits(min_cosine=0.5)
    ).passed


def test_with_labels_map_decides(tiny_model, rough_model, dataset):
    found = verify(tiny_model, rough_model, dataset, limits=Limits(max_map_drop=0.5))
    assert found.limits.min_cosine is None
    assert found.passed
    better, worse = tiny_model, rough_model
    if found.retrievals["plain"].drop < 0:
        better, worse = worse, better
    drop = abs(found.retrievals["plain"].drop)
    assert drop > 0
    assert not verify(better, worse, dataset, limits=Limits(max_map_drop=drop * 0.9)).passed
    assert verify(better, worse, dataset, limits=Limits(max_map_drop=drop * 1.1)).passed


@pytest.mark.parametrize("kind", ["paths", "bytes", "arrays"])
def test_pictures_come_in_any_form(tiny_model, random, tmp_path, kind):
    arrays = random.integers(0, 256, (3, 40, 20, 3), dtype=np.uint8)
    encoded = [simplejpeg.encode_jpeg(picture) for picture in arrays]
    for index, data in enumerate(encoded):
        (tmp_path / f"{index}.jpg").write_bytes(data)
    given = {"paths": sorted(tmp_path.iterdir()), "bytes": iter(encoded), "arrays": arrays}[kind]
    found = verify(tiny_model, tiny_model, given)
    assert (found.num_pictures, found.agreement.cosine_min) == (3, 1.0)


def test_a_single_picture_has_no_neighbour(tiny_model, dataset):
    found = verify(tiny_model, tiny_model, dataset.query.paths[0])
    assert (found.num_pictures, found.top1_agreement, found.candidate.median_cosine) == (
        1,
        None,
        None,
    )


def test_aipp_s_part_of_the_drift_is_told(simulated, tiny_model, aipp_model, dataset):
    options = {"threads": 1, "device": 0}  # each for one of the two
    found = verify(tiny_model, aipp_model, dataset, **options)
    assert found.passed
    assert (found.candidate.backend, found.candidate.simulated) == ("ascend", True)
    assert found.reference.simulated is False
    assert found.drift.measured.num_pictures == DRIFT_PICTURES < found.num_pictures
    assert found.drift.measured.relative_error_max > 3e-4
    assert found.drift.explained.relative_error_max == pytest.approx(
        found.drift.measured.relative_error_max, abs=2e-6
    )
    assert found.drift.left.relative_error_max < 2e-6
    assert found.agreement.relative_error_max >= found.drift.measured.relative_error_max


def test_skipped_pictures_are_left_out_of_everything(simulated, tiny_model, aipp_model, tmp_path):
    """The model of the drift has to see the pictures that were embedded, no others."""
    random = np.random.default_rng(3)
    for index in range(6):
        pixels = random.integers(0, 256, (8, 4, 3), dtype=np.uint8).repeat(16, 0).repeat(16, 1)
        data = simplejpeg.encode_jpeg(np.ascontiguousarray(pixels))
        (tmp_path / f"{index}.jpg").write_bytes(b"no picture" if index == 2 else data)
    with pytest.raises(DecodeError, match=r"2\.jpg"):
        verify(tiny_model, aipp_model, tmp_path)
    found = verify(tiny_model, aipp_model, tmp_path, on_error="skip")
    assert (found.num_pictures, found.drift.measured.num_pictures) == (5, 5)
    assert [name for name, _ in found.skipped] == [str(tmp_path / "2.jpg")]
    assert found.drift.left.relative_error_max < 2e-6


def test_nothing_but_undecodable_pictures_is_an_error(tiny_model, tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"no picture")
    with pytest.raises(DecodeError, match=r"none of 1 pictures can be decoded: .*a\.jpg"):
        verify(tiny_model, tiny_model, tmp_path, on_error="skip")


def test_options_that_do_not_go_together_are_refused(tiny_model, dataset):
    with pytest.raises(InvalidInputError, match=r"published is 0\.9, but pictures without labels"):
        verify(tiny_model, tiny_model, dataset.root / "query", limits=Limits(published=0.9))
    with pytest.raises(InvalidInputError, match="every picture of a dataset counts"):
        verify(tiny_model, tiny_model, dataset, on_error="skip")
    with pytest.raises(InvalidInputError, match="pictures is empty"):
        verify(tiny_model, tiny_model, [])


def test_both_models_are_opened_before_any_picture_is_embedded(tiny_model, tmp_path, dataset):
    stages = []
    with pytest.raises(ModelError, match=r"missing\.onnx"):
        verify(
            tiny_model,
            tmp_path / "missing.onnx",
            dataset,
            progress=lambda *stage: stages.append(stage),
        )
    assert stages == []


def test_memory_that_is_not_there_is_said_before_any_picture_is_embedded(
    tiny_model, dataset, monkeypatch
):
    monkeypatch.setattr(memory, "available_bytes", lambda: 1 << 20)
    stages = []
    with pytest.raises(InvalidInputError, match="verifying two models"):
        verify(tiny_model, tiny_model, dataset, progress=lambda *stage: stages.append(stage))
    assert stages == []


def test_progress_tells_of_both_models(tiny_model, dataset):
    seen = {}
    verify(
        tiny_model,
        tiny_model,
        dataset,
        progress=lambda stage, done, total: seen.update({stage: (done, total)}),
    )
    count = len(dataset.query) + len(dataset.gallery)
    assert seen["reference, onnxruntime"] == seen["candidate, onnxruntime"] == (count, count)


@pytest.fixture(scope="module")
def foreign(tmp_path_factory):
    """An .onnx of somebody else's without a contract."""
    return write_foreign_model(tmp_path_factory.mktemp("foreign") / "f.onnx")


def compiled(foreign, path, precision="origin", **options):
    words = {"simulate": True, "batch_sizes": (4,), "precision": precision}
    return compile_om(foreign, path, **words, **options)


PIXELS = foreign_pictures(6)


def test_a_stated_contract_is_both_models_where_neither_says_one(foreign):
    found = verify(foreign, foreign, PIXELS, contract=FOREIGN)
    assert (found.passed, found.mirror, found.agreement.cosine_min) == (True, False, 1.0)
    assert found.warnings == ()
    for model in (found.reference, found.candidate):
        assert (model.contract, model.contract.origin) == (FOREIGN, "the test")
    with pytest.raises(ModelError, match=r"f\.onnx has no metadata .*--contract"):
        verify(foreign, foreign, PIXELS)


@pytest.mark.parametrize("said", ["when compiled", "when verified"])
def test_a_candidate_that_says_a_contract_keeps_it(simulated, foreign, tmp_path, own_process, said):
    words = {"contract": FOREIGN} if said == "when compiled" else {}
    path = compiled(foreign, tmp_path / "f.om", **words)
    found = verify(foreign, path, PIXELS, contract=FOREIGN)
    assert found.agreement.relative_error_max < 1e-6
    assert found.candidate.contract == FOREIGN
    expected = str(tmp_path / "f.om.json") if words else "the test"
    assert found.candidate.contract.origin == expected


def test_aipp_by_another_contract_is_explained_by_it(simulated, foreign, tmp_path, own_process):
    path = compiled(foreign, tmp_path / "f.om", contract=FOREIGN, aipp=True)
    found = verify(foreign, path, PIXELS, contract=FOREIGN)
    assert found.candidate.contract == replace(FOREIGN, input="uint8", layout="NHWC")
    assert (found.warnings, found.drift.worst_input_errors) == ((), aipp.worst_errors(FOREIGN))
    assert found.drift.measured.relative_error_max > 1e-5
    assert found.drift.left.relative_error_max < 2e-6
    record = found.to_dict()
    assert record["candidate"]["contract"]["colour"] == "BGR"
    assert record["candidate"]["contract_origin"] == str(tmp_path / "f.om.json")
    assert record["reference"]["contract_origin"] == "the test"


def test_the_candidate_may_be_given_a_contract_of_its_own(foreign):
    other = replace(FOREIGN, scale=2.0, origin="another")
    options = {"candidate_options": {"contract": other}}
    found = verify(foreign, foreign, PIXELS, contract=FOREIGN, **options)
    assert [found.reference.contract.origin, found.candidate.contract.origin] == [
        "the test",
        "another",
    ]
    assert found.agreement.cosine_min < 1


@pytest.mark.parametrize("mirror", [None, True, False])
def test_mirrors_are_added_as_the_references_contract_says(foreign, mirror):
    added = replace(FOREIGN, mirror="add")
    options = {"candidate_options": {"contract": replace(FOREIGN, mirror="none")}}
    found = verify(foreign, foreign, PIXELS, contract=added, mirror=mirror, **options)
    assert found.mirror is (mirror is not False)
    assert (found.agreement.cosine_min, found.warnings) == (1.0, ())


def test_an_output_is_the_candidates_too_unless_it_says_one(tmp_path):
    twelve = write_twelve_outputs(tmp_path / "r.onnx")
    named = tmp_path / "named.onnx"
    part = {"embedding_width": None, "parts": None}
    adopt(twelve, named, contract=part, output=TWELVE[2])
    pixels = foreign_pictures(4, Contract())
    found = verify(twelve, twelve, pixels, contract=part, output=TWELVE[1])
    assert found.candidate.contract.output == TWELVE[1]
    assert found.agreement.cosine_min == 1.0
    found = verify(twelve, named, pixels, contract=part, output=TWELVE[1])
    assert found.candidate.contract.output == TWELVE[2]
    assert found.agreement.cosine_min < 0.9
    assert found.warnings == ()


def test_embeddings_of_two_widths_are_refused_before_any_picture(tiny_model, foreign):
    stages = []
    options = {"candidate_options": {"contract": FOREIGN}}
    with pytest.raises(InvalidInputError, match=r"tiny\.onnx gives .* 2048 wide and .*f\.onnx 5"):
        verify(tiny_model, foreign, PIXELS, progress=lambda *s: stages.append(s), **options)
    assert stages == []
