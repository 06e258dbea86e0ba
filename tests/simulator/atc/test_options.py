# SPDX-License-Identifier: Apache-2.0
import pytest

from mgn_fast.simulator.atc.options import CommandLineError, parse, parse_gears, parse_shapes
from mgn_fast.simulator.atc.texts import AtcError


def test_all_forms_of_an_option_mean_the_same():
    forms = (["--soc_version=X"], ["--soc-version=X"], ["-soc_version=X"], ["--soc_version", "X"])
    for words in forms:
        assert parse(words) == {"soc_version": "X"}


def test_a_value_may_hold_anything_and_the_last_one_counts():
    assert parse(["--model=a=b c\n", "--output", "-x", "--model=", "--model=z"]) == {
        "model": "z",
        "output": "-x",
    }


@pytest.mark.parametrize("word", ["--help", "-h", "-help"])
def test_help_ends_the_parsing(word):
    assert parse([word, "--nonsense"]) is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--log_level=x"], "unknown command line flag 'log_level'"),
        (["--enable_mem_reuse=true"], "unknown command line flag"),
        (["model.onnx"], "Non-option parameter: model.onnx"),
        (["--mode=0", "--", "x"], "Non-option parameter: --"),
        (["--model"], "flag '--model' is missing its argument"),
    ],
)
def test_what_is_no_option_is_refused_without_a_code(words, message):
    with pytest.raises(CommandLineError, match=message):
        parse(words)


@pytest.mark.parametrize(
    ("word", "code"),
    [
        ("--framework=2", "E10007"),
        ("--log=loud", "E10010"),
        ("--sparsity=2", "E10006"),
        ("--disable_reuse_memory=yes", "E10006"),
        ("--save_original_model=1", "E10005"),
        ("--precision_mode=fp16", "E10001"),
        ("--precision_mode_v2=force_fp16", "E10001"),
        ("--op_select_implmode=fast", "E10001"),
        ("--mode=2", "E10001"),
        ("--buffer_optimize=on", "E10001"),
        ("--op_compiler_cache_mode=on", "E10001"),
        ("--enable_small_channel=2", "E10001"),
    ],
)
def test_values_outside_of_a_list_are_refused_with_their_code(word, code):
    with pytest.raises(AtcError) as info:
        parse([word])
    assert info.value.code == code
    name = word.partition("=")[0]
    assert parse([f"{name}={VALID[word]}"]) == {name[2:]: VALID[word]}


VALID = {
    "--framework=2": "5",
    "--log=loud": "debug",
    "--sparsity=2": "1",
    "--disable_reuse_memory=yes": "0",
    "--save_original_model=1": "true",
    "--precision_mode=fp16": "force_fp16",
    "--precision_mode_v2=force_fp16": "fp16",
    "--op_select_implmode=fast": "high_precision",
    "--mode=2": "0",
    "--buffer_optimize=on": "off_optimize",
    "--op_compiler_cache_mode=on": "force",
    "--enable_small_channel=2": "1",
}


def test_shapes_are_read_by_name():
    assert parse_shapes("image:1,3,384,128") == {"image": [1, 3, 384, 128]}
    assert parse_shapes("a:0: -1, 3;b:2") == {"a:0": [-1, 3], "b": [2]}


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1,3,384,128", "E10002"),
        ("image:1.5,3", "E10002"),
        ("image:1,3x", "E10002"),
        ("image:1,,3", "E10014"),
        ("image:x,3", "E10014"),
        ("image:", "E10014"),
        ("image:1,3;", "E10002"),
    ],
)
def test_shapes_of_another_form_are_refused(text, code):
    with pytest.raises(AtcError) as info:
        parse_shapes(text)
    assert info.value.code == code


def test_gears_are_read_ascending():
    assert parse_gears("8,1,4") == [1, 4, 8]
    assert parse_gears("1,2048,") == [1, 2048]
    assert len(parse_gears(",".join(map(str, range(1, 101))))) == 100


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1;4", "E10003"),
        ("1, 4", "E10003"),
        ("-1,4", "E10003"),
        ("8", "E10035"),
        ("8,", "E10035"),
        (",", "E10035"),
        (",".join(map(str, range(1, 102))), "E10036"),
        ("0,1", "E10038"),
        ("1,2049", "E10038"),
        ("4,4", "E10039"),
    ],
)
def test_gears_of_another_form_are_refused(text, code):
    with pytest.raises(AtcError) as info:
        parse_gears(text)
    assert info.value.code == code
