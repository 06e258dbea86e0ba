# SPDX-License-Identifier: Apache-2.0
"""The network is found in what scripts save around it, and never guessed among several."""

import pytest

from mgn_fast.errors import ExportError
from support.late import late

torch = late("torch")
network_in = late("mgn_fast.export.wrappings.network_in")

KNOWN = frozenset({"backbone.0.weight", "backbone.1.bias", "p1.0.weight", "reduction.0.weight"})


def network(prefix=""):
    return {prefix + name: torch.zeros(1) for name in sorted(KNOWN)}


def message(loaded):
    with pytest.raises(ExportError) as caught:
        network_in("model.pt", loaded, KNOWN)
    return str(caught.value)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda: network(),
        lambda: {"state_dict": network(), "epoch": 400},
        lambda: {"net": network(), "best": 0.9, "step": torch.tensor(3), "more": torch.zeros(2)},
        lambda: {"epoch": 1, "nested": {"model_state_dict": network()}},
        lambda: {"model": network("module."), "optimizer": {"state": {0: {"m": torch.zeros(1)}}}},
        lambda: network("module."),
        lambda: network("_orig_mod."),
        lambda: network("backbone."),
        lambda: network("net._orig_mod.module.model."),
        lambda: {"n_averaged": torch.tensor(7)} | network("module."),
        lambda: {"state_dict": network("model.") | {"criterion.centers": torch.zeros(1)}},
        lambda: network() | {"triplet_loss.margin": torch.zeros(1)},
        lambda: {name.replace(".0.", "._orig_mod.0."): x for name, x in network().items()},
        lambda: {"state_dict": network(), "state_dict_ema": network()},
        lambda: {"ema": network(), "model": network()},
    ],
    ids=[
        "bare", "state_dict", "any key beside tensors", "nested", "optimizer", "DataParallel",
        "compiled", "backbone", "several", "averaged", "Lightning with a criterion", "loss beside",
        "compiled inside", "average beside", "average before",
    ],
)  # fmt: skip
def test_the_network_is_found(wrap):
    assert network_in("model.pt", wrap(), KNOWN).keys() == KNOWN


def test_the_network_itself_is_taken_and_not_its_average():
    trained, averaged = network(), {name: torch.ones(1) for name in KNOWN}
    for loaded in (
        {"ema": averaged, "state_dict": trained},
        {"model": trained, "average": averaged},
        {"model": averaged, "state_dict": trained},
    ):
        assert network_in("model.pt", loaded, KNOWN)["p1.0.weight"] is trained["p1.0.weight"]


def test_several_networks_are_not_chosen_from():
    text = message({"net": network(), "ema": network(), "x": 1})
    assert "holds 2 networks, under 'net', 'ema'; save the one" in text
    text = message(network("student.") | network("teacher."))
    assert "holds two networks, whose names begin with 'student.' and 'teacher.'" in text


def test_a_name_with_and_without_the_prefix_is_refused():
    text = message(network("model.") | {"p1.0.weight": torch.zeros(1)})
    assert "holds two networks, whose names begin with 'model.' and ''" in text


def test_what_else_is_there_stays_to_be_refused():
    got = network_in("model.pt", network("model.") | {"bnneck.bias": torch.zeros(1)}, KNOWN)
    assert got.keys() == KNOWN | {"bnneck.bias"}
    got = network_in("model.pt", network() | {"words": "x"}, KNOWN)
    assert got["words"] == "x"


def test_a_prefix_of_some_names_alone_stays():
    names = network()
    names["module.p1.0.weight"] = names.pop("p1.0.weight")
    assert network_in("model.pt", names, KNOWN).keys() == names.keys()


def test_names_that_would_become_one_stay_two():
    names = network() | {"p1._orig_mod.0.weight": torch.zeros(1)}
    assert network_in("model.pt", names, KNOWN).keys() == names.keys()


def test_another_network_comes_back_as_it_is():
    other = {"conv1.weight": torch.zeros(1), "fc.bias": torch.zeros(1)}
    loaded = {"model": other, "scalars": {"a": torch.zeros(1)}}
    assert network_in("model.pt", loaded, KNOWN).keys() == other.keys()


@pytest.mark.parametrize("make", [
    lambda: [torch.zeros(2)], lambda: torch.zeros(2), lambda: {1: torch.zeros(2)}, lambda: {},
    lambda: {"a": {"b": {"c": {"d": {"e": torch.zeros(1)}}}}},
])  # fmt: skip
def test_what_is_no_state_dict_is_refused(make):
    loaded = make()
    expected = f"holds a {type(loaded).__name__} without tensors by name, expected a state dict"
    assert expected in message(loaded)
