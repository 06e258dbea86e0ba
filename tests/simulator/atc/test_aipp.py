# SPDX-License-Identifier: Apache-2.0
import pytest

from mgn_fast.cann import aipp
from mgn_fast.simulator.atc.aipp import read_aipp
from mgn_fast.simulator.atc.texts import AtcError

OURS = aipp.config_text()


def read(tmp_path, text):
    path = tmp_path / "aipp.cfg"
    path.write_text(text)
    return read_aipp(path, 384, 128)


def test_our_own_configuration_gives_our_own_constants(tmp_path):
    found = read(tmp_path, OURS)
    assert found.min_chn == pytest.approx(aipp.minima(), rel=1e-8)
    assert found.var_reci == pytest.approx(aipp.factors(), rel=1e-8)


def test_means_are_subtracted_like_minima_and_scales_are_one(tmp_path):
    text = "aipp_op { aipp_mode: static input_format: RGB888_U8\n mean_chn_1: 7 # a comment\n}"
    found = read(tmp_path, text)
    assert found.min_chn == (0, 7, 0)
    assert found.var_reci == (1, 1, 1)


def test_other_spellings_of_the_format_are_read(tmp_path):
    text = 'aipp_op: {aipp_mode:static;\tinput_format : "RGB888_U8", csc_switch:FALSE}'
    assert read(tmp_path, text).var_reci == (1, 1, 1)


REFUSED = [
    ("", "E13018"),
    ("aipp_op { aipp_mode: static", "E13018"),
    ("aipp_op { aipp_mode static }", "E13018"),
    (OURS + OURS, "E13018"),
    (OURS.replace("crop", "corp"), "E13018"),
    (OURS.replace("crop: false", "crop: false\n crop: false"), "E13018"),
    # The recipe of many blogs: the field is an integer, and ImageNet's means are not.
    (OURS.replace("mean_chn_0: 0", "mean_chn_0: 123.675"), "E13018"),
    (OURS.replace("mean_chn_0: 0", "mean_chn_0: 256"), "E10052"),
    (OURS.replace("aipp_mode: static", ""), "E10052"),
    (OURS.replace("aipp_mode: static", "aipp_mode: own"), "E10052"),
    (OURS.replace("input_format: RGB888_U8", ""), "E10052"),
    (OURS.replace("size_w: 128", "size_w: 384"), "E10052"),
    (OURS.replace("min_chn_0: 123.675", "min_chn_0: big"), "E10052"),
    (OURS.replace("min_chn_0: 123.675", "min_chn_0: nan"), "E10052"),
    (OURS.replace("min_chn_0: 123.675", "min_chn_0: 65505"), "E10052"),
    (OURS.replace("aipp_mode: static", "aipp_mode: dynamic"), "E19999"),
    (OURS.replace("RGB888_U8", "YUV420SP_U8"), "E19999"),
    (OURS.replace("rbuv_swap_switch: false", "rbuv_swap_switch: true"), "E19999"),
    (OURS.replace("mean_chn_0: 0", "mean_chn_0: 1"), "E19999"),
    (OURS.replace("rank: 0", "rank: 1"), "E19999"),
]


@pytest.mark.parametrize(("text", "code"), REFUSED)
def test_others_are_refused_by_what_atc_says_or_as_not_simulated(tmp_path, text, code):
    with pytest.raises(AtcError) as info:
        read(tmp_path, text)
    assert info.value.code == code
    assert ("simulated" in str(info.value)) == (code == "E19999")


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(AtcError, match="E13018"):
        read_aipp(tmp_path / "missing", 384, 128)
