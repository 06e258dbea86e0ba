# SPDX-License-Identifier: Apache-2.0
"""Builds a checkpoint of MGN with a trained trunk, a stand-in for checks of precision, in minutes.

The package index has a wheel with a trained ResNet-50 of half MGN's width: 53 convolutions, batch
norms folded in, trained to classify pictures and not to tell people apart. From it comes ReID-MGN's
state dict, which `mgn-fast export` takes:
  trunk       every channel twice. What reads two copies splits its weight a : 1 - a between them,
              so that no two weights are alike and the layer gives what it gave. Each of MGN's
              branches has splits of its own. Strides and pooling are MGN's: it strides in a block's
              3x3 convolution (the wheel's network in the 1x1), pads the first pooling on the other
              side, and gives the last stage of two branches no stride.
  colours     RGB with ImageNet's mean and deviation instead of BGR 0..255 minus a mean: folded into
              the first convolution.
  statistics  every batch norm has those of the training pictures, and gives what it gave before.
  reduction   the 128 directions in which the drawn training people differ most for how much their
              own pictures differ, and the negatives, so that the ReLU loses nothing. Of --pictures
              it is not known who is on them: there the directions are principal components.
  heads       random; no embedding needs them.
The same pictures and seed give the same tensors on one machine. Nothing of the wheel may be
committed.

    python bench/trained_stand_in.py -o stand-in.pt [--pictures DIRECTORY] [--seed 0] [--wheel FILE]
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np

from mgn_fast import MgnError, datasets
from mgn_fast.common.checks import output_name
from mgn_fast.common.files import replacing
from mgn_fast.evaluation.agreement import spread
from mgn_fast.models.contract import DEVIATION, HEIGHT, MEAN, WIDTH
from mgn_fast.models.parts import PART_WIDTH, PARTS
from mgn_fast.pictures import pixels
from mgn_fast.pictures.directories import list_pictures
from trained_wheel import (
    MEAN_OF_BGR,
    WHEEL,
    Convolution,
    StandInError,
    convolutions,
    fetched_wheel,
    network_in,
)

# MGN's blocks in the order of the wheel's: the shared ones, then those that each branch has.
SHARED = [*(f"backbone.4.{n}" for n in range(3)), *(f"backbone.5.{n}" for n in range(4))]
SHARED += ["backbone.6"]
BRANCHED = [*(f"0.{n}" for n in range(5)), *(f"1.{n}" for n in range(3))]
BRANCHES = ("p1", "p2", "p3")
PROJECTING = ("backbone.4.0", "backbone.5.0", "backbone.6", "1.0")
# The stem has MGN's width already, so what reads it reads each channel once.
READING_THE_STEM = ("backbone.4.0.downsample.0", "backbone.4.0.conv1")
NUM_CONVOLUTIONS = 53

# The first copy's share of a weight.
SHARE = (0.25, 0.75)
# Of the batch norms in MGN.
EPSILON = 1e-5
# The sets drawn for training have seeds from here on, far from those that anything is judged on.
FIRST_SEED = 1000
PERSONS = 32
# Of --pictures: their parts must be more than the directions, and more pictures only take time.
MIN_PICTURES, MAX_PICTURES = 33, 300
_CHUNK = 8


# The trunk


def for_normalised_rgb(stem):
    """The first convolution for RGB with ImageNet's mean and deviation, not BGR minus a mean.

    A level from 0 to 255 is 255 (deviation x + mean). At the picture's rim it gives what it gave
    but for the padding: 0 is one mean here and the other there, less than a level apart.
    """
    weight = stem.weight[:, ::-1].astype(np.float64)
    offset = 255 * np.array(MEAN) - np.array(MEAN_OF_BGR[::-1])
    scaled = weight * (255 * np.array(DEVIATION))[:, None, None]
    bias = stem.bias + weight.sum((2, 3)) @ offset
    return Convolution(scaled.astype(np.float32), bias.astype(np.float32))


def split_inputs(weight, random):
    """A convolution's weights [O, 2I, H, W] where each of its inputs has become two alike."""
    share = random.uniform(*SHARE, weight.shape[:2]).astype(np.float32)[:, :, None, None]
    pairs = np.stack([weight * share, weight * (1 - share)], axis=2)
    return pairs.reshape(len(weight), -1, *weight.shape[2:])


def widened(half, random):
    """A convolution whose inputs and outputs are each twice as many, two alike as neighbours."""
    weight, bias = (np.repeat(values, 2, axis=0) for values in (half.weight, half.bias))
    return Convolution(split_inputs(weight, random), bias)


def trunk(halves, random):
    """MGN's parameters by name but for the reduction and the heads; statistics are 0 and 1."""
    if len(halves) != NUM_CONVOLUTIONS:
        raise StandInError(f"{len(halves)} convolutions, expected ResNet-50's {NUM_CONVOLUTIONS}")
    remaining = iter(halves)
    parameters = {}
    put(parameters, "backbone.0", "backbone.1", for_normalised_rgb(next(remaining)))
    for block in SHARED + BRANCHED:
        names = [block] if block in SHARED else [f"{branch}.{block}" for branch in BRANCHES]
        layers = [("downsample.0", "downsample.1")] if block in PROJECTING else []
        layers += [(f"conv{n}", f"bn{n}") for n in (1, 2, 3)]
        for conv, norm in layers:
            half = next(remaining)
            for name in names:
                if f"{name}.{conv}" in READING_THE_STEM:
                    wide = Convolution(*(np.repeat(x, 2, axis=0) for x in (half.weight, half.bias)))
                else:
                    wide = widened(half, random)
                put(parameters, f"{name}.{conv}", f"{name}.{norm}", wide)
    return parameters


def put(parameters, conv, norm, wide):
    """A convolution, and a batch norm that adds its bias."""
    parameters[f"{conv}.weight"] = wide.weight
    width = len(wide.bias)
    put_norm(parameters, norm, wide.bias, np.zeros(width), np.ones(width))


def put_norm(parameters, name, bias, mean, variance):
    """A batch norm with these statistics that adds a bias and changes nothing else."""
    parameters[f"{name}.weight"] = np.sqrt(variance + EPSILON).astype(np.float32)
    parameters[f"{name}.bias"] = (bias + mean).astype(np.float32)
    parameters[f"{name}.running_mean"] = mean.astype(np.float32)
    parameters[f"{name}.running_var"] = variance.astype(np.float32)
    parameters[f"{name}.num_batches_tracked"] = np.ones((), np.int64)


# What the training pictures decide


def training_pictures(directory, folder, seed):
    """Pictures, and who is on each: drawn people, or a directory's, which does not say."""
    if directory is not None:
        found = list_pictures(directory)
        if len(found) < MIN_PICTURES:
            raise StandInError(
                f"{str(directory)!r} has {len(found)} pictures, expected at least {MIN_PICTURES}"
            )
        return [found[place] for place in spread(len(found), MAX_PICTURES)], None
    drawn = datasets.synthetic(folder, persons=PERSONS, seed=FIRST_SEED + seed)
    paths = [*drawn.query.paths, *drawn.gallery.paths]
    person = np.concatenate([drawn.query.person, drawn.gallery.person])
    return [paths[place] for place in np.flatnonzero(person)], person[person != 0]


def set_statistics(parameters, pictures):
    """Gives all batch norms of the trunk the pictures' statistics; the pictures' eight parts.

    The parts are what the reduction will read, each channel once: float64 [N, 8, 1024].
    """
    import torch

    network = network_of(parameters)
    norms = {
        name: module
        for name, module in network.named_modules()
        if isinstance(module, torch.nn.BatchNorm2d) and f"{name}.running_var" in parameters
    }
    sums = dict.fromkeys(norms, (0, 0.0, 0.0))

    def add(name, values):
        over = {"dim": (0, 2, 3), "dtype": torch.float64}
        found = (
            values[:, 0].numel(),
            values.sum(**over).numpy(),
            values.square().sum(**over).numpy(),
        )
        sums[name] = tuple(total + new for total, new in zip(sums[name], found, strict=True))

    for name, module in norms.items():
        module.register_forward_pre_hook(lambda _, given, name=name: add(name, given[0]))
    parts = []
    network.reduction.register_forward_pre_hook(
        lambda _, given: parts.append(given[0].flatten(1)[:, ::2].numpy())
    )
    with torch.inference_mode():
        for start in range(0, len(pictures), _CHUNK):
            network(torch.from_numpy(prepared(pictures[start : start + _CHUNK])))
    for name, (count, total, squares) in sums.items():
        mean = total / count
        variance = np.maximum(squares / count - np.square(mean), 0)
        put_norm(parameters, name, parameters[f"{name}.bias"], mean, variance)
    step = len(PARTS)
    chunks = [np.stack(parts[at : at + step], axis=1) for at in range(0, len(parts), step)]
    return np.concatenate(chunks).astype(np.float64)


def prepared(pictures):
    """The network's input, float32 [N, 3, 384, 128]."""
    batch = np.empty((len(pictures), 3, HEIGHT, WIDTH), np.float32)
    for target, picture in zip(batch, pictures, strict=True):
        pixels.resize_pack(pixels.decode(picture), target)
    return batch


def network_of(parameters):
    """MGN in PyTorch; what is missing is 0."""
    from mgn_fast.export.network import network_with, parameter_shapes

    kinds = {True: np.int64, False: np.float32}
    shapes = parameter_shapes()
    missing = {
        name: np.zeros(shape, kinds[name.endswith("num_batches_tracked")])
        for name, shape in shapes.items()
        if name not in parameters
    }
    return network_with(parameters | missing)


def components(parts):
    """Directions [128, D] in which all parts differ most, scaled to a spread of 1."""
    values, vectors = np.linalg.eigh(np.cov(parts.reshape(-1, parts.shape[-1]).T))
    best = np.argsort(-values)[: PART_WIDTH // 2]
    return signed((vectors[:, best] / np.sqrt(values[best])).T)


def discriminants(parts, person):
    """Directions [128, D] in which persons differ most for how their own pictures differ.

    A class is one part of one person. Linear discriminant analysis, with as much again of the same
    spread in all directions: those in which the few persons' own pictures happen not to differ
    would win otherwise, and tell nobody else apart.
    """
    width = parts.shape[-1]
    means = np.stack([parts[person == one].mean(axis=0) for one in person])
    within = np.cov((parts - means).reshape(-1, width).T)
    within += np.trace(within) / width * np.eye(width)
    shrink = np.linalg.inv(np.linalg.cholesky(within))
    values, vectors = np.linalg.eigh(shrink @ np.cov(means.reshape(-1, width).T) @ shrink.T)
    best = np.argsort(-values)[: PART_WIDTH // 2]
    return signed(vectors[:, best].T @ shrink)


def signed(directions):
    """With the largest entry of each positive, as an eigenvector's sign means nothing."""
    largest = np.take_along_axis(directions, np.abs(directions).argmax(1)[:, None], axis=1)
    return directions * np.sign(largest)


def put_reduction(parameters, directions, parts, random):
    """Each direction and its negative, both without the mean of the training pictures' parts."""
    weight = np.concatenate([directions, -directions])
    found = parts.reshape(-1, parts.shape[-1]) @ weight.T
    mean = found.mean(axis=0)
    split = split_inputs(weight.astype(np.float32)[:, :, None, None], random)
    parameters["reduction.0.weight"] = split
    put_norm(parameters, "reduction.1", -mean, mean, found.var(axis=0))


# All of it


def stand_in(halves, pictures, person, seed):
    """ReID-MGN's state dict, as arrays in its order.

    Args:
        halves: the 53 convolutions.
        pictures: paths, bytes or arrays.
        person: who is on each, or None.
        seed: of the splits and the heads.
    """
    from mgn_fast.export.network import parameter_shapes

    random = np.random.default_rng(seed)
    parameters = trunk(halves, random)
    parts = set_statistics(parameters, pictures)
    directions = components(parts) if person is None else discriminants(parts, person)
    put_reduction(parameters, directions, parts, random)
    for name, shape in (shapes := parameter_shapes()).items():
        if name not in parameters:
            parameters[name] = random.normal(0, 0.01, shape).astype(np.float32)
    return {name: parameters[name] for name in shapes}


def build(path, *, directory=None, seed=0, wheel=None):
    """Writes the checkpoint, whole or not at all, and gives its path."""
    import torch

    target = output_name(path, ".pt", ".pth", exact=True)
    with replacing(target) as temporary, tempfile.TemporaryDirectory() as folder:
        halves = convolutions(network_in(wheel or fetched_wheel(folder)))
        pictures, person = training_pictures(directory, Path(folder, "drawn"), seed)
        print(f"statistics and reduction of {len(pictures)} pictures", flush=True)
        arrays = stand_in(halves, pictures, person, seed)
        torch.save({name: torch.from_numpy(array) for name, array in arrays.items()}, temporary)
    return target


def main(words=None):
    """Builds what the command line asks for; 1 if it cannot be had."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("-o", "--output", required=True, type=Path, help="the .pt to write")
    parser.add_argument("--pictures", type=Path, help="real crops instead of drawn people")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--wheel", type=Path, help=f"the wheel of {WHEEL}, already downloaded")
    given = parser.parse_args(words)
    try:
        path = build(given.output, directory=given.pictures, seed=given.seed, wheel=given.wheel)
    except (StandInError, MgnError) as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{path}: export it with `mgn-fast export {path} -o NAME.onnx`")
    return 0


if __name__ == "__main__":
    sys.exit(main())
