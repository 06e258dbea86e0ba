# SPDX-License-Identifier: Apache-2.0
"""MGN in PyTorch, for inference, with ReID-MGN's parameter names; and seeded random weights for it.

Imports torch, so nothing may import it before torch is needed. Never goes online.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeAlias, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mgn_fast.datasets.scenes import draw_pictures
from mgn_fast.models.contract import HEIGHT, WIDTH
from mgn_fast.models.parts import PART_WIDTH, PARTS
from mgn_fast.pictures.pixels import resize_pack
from mgn_fast.types import AnyArray, F32Array

NUM_IDENTITIES = 751  # of Market-1501's training set, which ReID-MGN's checkpoint was trained on

# With this factor on each residual branch's last batch norm random weights behave like trained
# ones; without it, noise of half a grey level moves an embedding to cosine 0.83.
_BRANCH_SCALE = 0.2
_CALIBRATION_PICTURES = 16

_Random: TypeAlias = np.random.Generator


# Random values that a state dict then replaces would cost seconds: drawing them takes one, and
# drawing them on the device "meta" makes torch import its compiler.
class _Conv(nn.Conv2d):
    def reset_parameters(self) -> None:
        pass


class _Linear(nn.Linear):
    def reset_parameters(self) -> None:
        pass


class ResidualBlock(nn.Module):
    """A residual block: 1x1, 3x3 (which carries the stride), 1x1, each with its batch norm.

    Args:
        in_channels: of its input.
        middle: channels of its 3x3 convolution; it gives four times as many.
        stride: 1 or 2.
        project: whether the shortcut is a 1x1 convolution with batch norm instead of the input.
    """

    def __init__(
        self, in_channels: int, middle: int, *, stride: int = 1, project: bool = False
    ) -> None:
        super().__init__()
        out_channels = 4 * middle
        self.conv1 = _Conv(in_channels, middle, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(middle)
        self.conv2 = _Conv(middle, middle, 3, stride, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(middle)
        self.conv3 = _Conv(middle, out_channels, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(out_channels)
        self.downsample: nn.Sequential | None = None
        if project:
            shortcut = _Conv(in_channels, out_channels, 1, stride, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(out_channels))

    def forward(self, x: Tensor) -> Tensor:
        """The block's output, [N, 4 * middle, H / stride, W / stride], not negative."""
        branch = functional.relu(self.bn1(self.conv1(x)))
        branch = functional.relu(self.bn2(self.conv2(branch)))
        branch = self.bn3(self.conv3(branch))
        shortcut = x if self.downsample is None else self.downsample(x)
        return functional.relu(branch + shortcut)


class MGN(nn.Module):
    """The Multiple Granularity Network on ResNet-50, as ReID-MGN trains it.

    Three branches share the first layers: p1 sees the whole body, p2 two stripes, p3 three, and p2
    and p3 the whole body too. One `reduction` serves all eight pooled parts. Its weights mean
    nothing until a state dict is loaded.

    Args:
        num_identities: width of the eight classifier heads.

    Source:
        Wang et al., Learning Discriminative Features with Multiple Granularities for Person
        Re-Identification, ACM MM 2018; names and shapes are those of ReID-MGN's model.pt.
    """

    def __init__(self, num_identities: int = NUM_IDENTITIES) -> None:
        super().__init__()
        self.backbone = nn.Sequential(
            _Conv(3, 64, 7, 2, 3, bias=False),
            nn.BatchNorm2d(64),
            nn.ReLU(),
            nn.MaxPool2d(3, 2, 1),
            _stage(64, 64, 3, stride=1),
            _stage(256, 128, 4, stride=2),
            ResidualBlock(512, 256, stride=2, project=True),
        )
        self.p1 = _branch(stride=2)
        self.p2 = _branch(stride=1)
        self.p3 = _branch(stride=1)
        self.reduction = nn.Sequential(
            _Conv(2048, PART_WIDTH, 1, bias=False), nn.BatchNorm2d(PART_WIDTH), nn.ReLU()
        )
        for part in PARTS:
            self.add_module(part.head, _Linear(PART_WIDTH, num_identities))

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """MGN's twelve outputs, in ReID-MGN's order: the feature, three of its parts, eight logits.

        Args:
            x: float32 [N, 3, 384, 128], normalised.

        Returns:
            The feature [N, 2048]; its first three parts [N, 256]; the eight heads' logits.
        """
        shared = self.backbone(x)
        p1, p2, p3 = self.p1(shared), self.p2(shared), self.p3(shared)
        halves = functional.max_pool2d(p2, (12, 8)).unbind(2)
        thirds = functional.max_pool2d(p3, (8, 8)).unbind(2)
        pooled = (
            functional.max_pool2d(p1, (12, 4)),
            functional.max_pool2d(p2, (24, 8)),
            functional.max_pool2d(p3, (24, 8)),
            *(stripe.unsqueeze(2) for stripe in (*halves, *thirds)),
        )
        parts = [self.reduction(part).flatten(1) for part in pooled]
        heads = [self.get_submodule(part.head) for part in PARTS]
        logits = [head(part) for head, part in zip(heads, parts, strict=True)]
        return torch.cat(parts, dim=1), *parts[:3], *logits


def _stage(in_channels: int, middle: int, num_blocks: int, *, stride: int) -> nn.Sequential:
    first = ResidualBlock(in_channels, middle, stride=stride, project=True)
    return nn.Sequential(first, *(ResidualBlock(4 * middle, middle) for _ in range(num_blocks - 1)))


def _branch(*, stride: int) -> nn.Sequential:
    rest_of_layer3 = nn.Sequential(*(ResidualBlock(1024, 256) for _ in range(5)))
    return nn.Sequential(rest_of_layer3, _stage(1024, 512, 3, stride=stride))


def parameter_shapes(num_identities: int = NUM_IDENTITIES) -> dict[str, tuple[int, ...]]:
    """Shapes by name of MGN's 640 parameters, in the state dict's order, statistics included."""
    with torch.device("meta"):
        return {name: tuple(x.shape) for name, x in MGN(num_identities).state_dict().items()}


def network_with(parameters: Mapping[str, AnyArray]) -> MGN:
    """MGN in evaluation mode with the given parameters, whose memory it shares.

    Args:
        parameters: everything that `parameter_shapes` names; float32, counters int64.

    Returns:
        The network; the arrays must not change while it is used.
    """
    with torch.device("meta"):
        network = MGN(parameters[f"{PARTS[0].head}.weight"].shape[0])
    tensors = {name: torch.from_numpy(array) for name, array in parameters.items()}
    network.load_state_dict(tensors, strict=True, assign=True)
    return network.eval()


def seeded_state_dict(seed: int, num_identities: int = NUM_IDENTITIES) -> dict[str, AnyArray]:
    """Random weights that keep activations at a trained network's scale: for tests and demos.

    Convolutions are Kaiming-normal, each residual branch ends damped, and the batch norms carry the
    statistics of synthetic pictures. The same seed gives the same bits on one machine with the same
    libraries and number of threads.

    Args:
        seed: >= 0.
        num_identities: width of the eight classifier heads.

    Returns:
        Arrays by name, as `network_with` takes them.
    """
    random = np.random.default_rng(seed)
    parameters = {
        name: _draw(random, name, shape) for name, shape in parameter_shapes(num_identities).items()
    }
    _calibrate(network_with(parameters), seed)
    return parameters


def _draw(random: _Random, name: str, shape: tuple[int, ...]) -> AnyArray:
    if name.endswith("num_batches_tracked"):
        return np.zeros(shape, np.int64)
    if name.endswith("running_mean"):
        return np.zeros(shape, np.float32)
    if name.endswith("running_var"):
        return np.ones(shape, np.float32)
    normal: F32Array = random.standard_normal(shape, np.float32)
    if len(shape) == 4:
        return normal * np.float32(np.sqrt(2 / np.prod(shape[1:])))
    if len(shape) == 2:
        return normal * np.float32(np.sqrt(2 / shape[0]))
    if name.endswith("bias"):
        return normal * np.float32(0.1)
    around_one = 1 + normal * np.float32(0.1)
    return around_one * np.float32(_BRANCH_SCALE if name.endswith("bn3.weight") else 1)


@torch.no_grad()
def _calibrate(network: MGN, seed: int) -> None:
    """Sets the batch norms' statistics, in place, to those of synthetic pictures."""
    pictures = np.empty((_CALIBRATION_PICTURES, 3, HEIGHT, WIDTH), np.float32)
    for picture, drawing in zip(pictures, draw_pictures(_CALIBRATION_PICTURES, seed), strict=True):
        resize_pack(drawing, picture)
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        # A running average of all uses: `reduction` is used eight times in one pass.
        norm.momentum = cast(float, None)
    network.train()(torch.from_numpy(pictures))
    network.eval()
