# SPDX-License-Identifier: Apache-2.0
"""MGN's parameters found in what a training script saved: under a key, and under prefixes.

Imports torch, so nothing may import it before torch is needed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any

import torch

from mgn_fast.common.text import printable
from mgn_fast.errors import ExportError

# Keys that name the network where others hold copies of it, such as an average.
_USUAL_KEYS = ("state_dict", "model")
_DEPTH = 3
# What torch.compile and sharding put into names, at any place.
_WRAPPERS = re.compile(r"(?<![^.])(_orig_mod|_fsdp_wrapped_module|_checkpoint_wrapped_module)\.")
# What only training uses, beside the network: AveragedModel's counter, losses and measures.
_TRAINING = re.compile(r"n_averaged$|[^.]*(loss|criterion|metric|accuracy)[^.]*\.", re.IGNORECASE)


def network_in(source: str, loaded: Any, known: frozenset[str]) -> dict[str, Any]:
    """The network's tensors by their own names, out of what a checkpoint holds.

    They may lie in a dictionary under any one key, and their names may have any prefix. What only
    training uses is left out; everything else stays, so that nothing is dropped unseen.

    Args:
        source: the file's name, for messages.
        loaded: what the file holds.
        known: names of parameters, by which the network is found.

    Returns:
        Tensors by name. A network with none of the known names comes back as it is.

    Raises:
        ExportError: no dictionary of tensors, or more than one network.
    """
    found = list(_dictionaries(loaded, ()))
    if not found:
        raise ExportError(
            f"checkpoint {source!r} holds a {type(loaded).__name__} without tensors by name, "
            "expected a state dict: torch.save(net.state_dict(), 'weights.pt')"
        )
    counts = [sum(_prefixes(tensors, known).values()) for _, tensors in found]
    likely = [one for one, count in zip(found, counts, strict=True) if 2 * count >= max(counts)]
    return _own_names(source, _one_of(source, likely, network=max(counts) > 0), known)


def _dictionaries(loaded: Any, keys: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every dictionary with tensors by name, and the keys that lead to it."""
    if not isinstance(loaded, Mapping):
        return
    named = all(isinstance(name, str) for name in loaded)
    if named and any(isinstance(value, torch.Tensor) for value in loaded.values()):
        yield keys, _without_wrappers(loaded)
    if len(keys) < _DEPTH:
        for name, value in loaded.items():
            yield from _dictionaries(value, (*keys, str(name)))


def _without_wrappers(tensors: Mapping[str, Any]) -> dict[str, Any]:
    plain = {_WRAPPERS.sub("", name): value for name, value in tensors.items()}
    return plain if len(plain) == len(tensors) else dict(tensors)


def _one_of(source: str, found: list[tuple[tuple[str, ...], Any]], *, network: bool) -> Any:
    if len(found) == 1 or not network:
        return max((tensors for _, tensors in found), key=len)
    for usual in _USUAL_KEYS:
        for keys, tensors in found:
            if keys == (usual,):
                return tensors
    places = ", ".join(repr(printable(".".join(keys)[:160])) for keys, _ in found[:5])
    raise ExportError(
        f"checkpoint {source!r} holds {len(found)} networks, under {places}; save the one that is "
        "meant by itself: torch.save(loaded[KEY], 'weights.pt')"
    )


def _prefixes(names: Mapping[str, Any], known: frozenset[str]) -> Counter[str]:
    """How many known names stand behind each prefix."""
    counts: Counter[str] = Counter()
    for name in names:
        starts = [0, *(match.end() for match in re.finditer(r"\.", name))]
        # The first that fits: a trunk inside "backbone." has names that end alike.
        start = next((start for start in starts if name[start:] in known), None)
        if start is not None:
            counts[name[:start]] += 1
    return counts


def _own_names(source: str, tensors: dict[str, Any], known: frozenset[str]) -> dict[str, Any]:
    counts = _prefixes(tensors, known).most_common(2)
    prefix = counts[0][0] if counts else ""
    own = {name[len(prefix) :]: x for name, x in tensors.items() if name.startswith(prefix)}
    others = {name: x for name, x in tensors.items() if not name.startswith(prefix)}
    as_many = len(counts) == 2 and 2 * counts[1][1] >= counts[0][1]
    if as_many or not own.keys().isdisjoint(others):
        prefixes = " and ".join(repr(printable(prefix[:160])) for prefix, _ in counts)
        raise ExportError(
            f"checkpoint {source!r} holds two networks, whose names begin with {prefixes}; save "
            "the one that is meant by itself: torch.save(net.state_dict(), 'weights.pt')"
        )
    return {name: x for name, x in (own | others).items() if not _TRAINING.match(name)}
