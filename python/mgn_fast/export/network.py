# SPDX-License-Identifier: Apache-2.0
"""MGN in PyTorch, for inference, with ReID-MGN's parameter names; and seeded random weights for it.

Imports torch, so nothing may import it before torch is needed. Never goes online.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TypeAlias, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from mgn_fast.datasets.scenes import draw_pictures
from mgn_fast.export.families import NUM_IDENTITIES, POOLED_WIDTH, REID_MGN, Design, PoolKind
from mgn_fast.models.contract import HEIGHT, WIDTH
from mgn_fast.models.parts import PARTS
from mgn_fast.pictures.pixels import resize_pack
from mgn_fast.types import AnyArray, F32Array

# With this factor on each residual branch's last batch norm random weights behave like trained
# ones; without it, noise of half a grey level moves an embedding to cosine 0.83.
_BRANCH_SCALE = 0.2
_CALIBRATION_PICTURES = 16

_Random: TypeAlias = np.random.Generator
_Pool: TypeAlias = Callable[[Tensor, tuple[int, int]], Tensor]
_POOLS: dict[PoolKind, _Pool] = {"max": functional.max_pool2d, "avg": functional.avg_pool2d}


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
    """The Multiple Granularity Network on ResNet-50, as ReID-MGN and others train it.

    Three branches share the first layers: p1 sees the whole body, p2 two stripes, p3 three, and p2
    and p3 the whole body too. One `reduction` serves all eight pooled parts, or each has its own.
    Its weights mean nothing until a state dict is loaded.

    Args:
        design: which family's, with its sizes; to be run it must say how stripes are pooled.

    Source:
        Wang et al., Learning Discriminative Features with Multiple Granularities for Person
        Re-Identification, ACM MM 2018; names and shapes are those of the families' checkpoints,
        all with the trunk's name of ReID-MGN.
    """

    def __init__(self, design: Design = REID_MGN) -> None:
        super().__init__()
        self.design = design
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
        for name in dict.fromkeys(design.reduction(index) for index in range(len(PARTS))):
            self.add_module(name, _reduction(design.part_width))
        if design.num_identities is not None:
            for index, part in enumerate(PARTS):
                head = _Linear(design.head_width(index), design.num_identities)
                self.add_module(part.head, head)

    def forward(self, x: Tensor) -> tuple[Tensor, ...]:
        """MGN's twelve outputs, in ReID-MGN's order: the feature, three of its parts, eight logits.

        Args:
            x: float32 [N, 3, 384, 128], normalised.

        Returns:
            The feature [N, 2048]; the whole body's three parts [N, 256]; the eight heads' logits,
            where there are heads.
        """
        pooled = self._pooled(self.backbone(x))
        parts = [
            self.get_submodule(self.design.reduction(index))(area).flatten(1)
            for index, area in enumerate(pooled)
        ]
        feature = torch.cat([parts[index] for index in self.design.order], dim=1)
        return feature, *parts[:3], *self._logits(pooled, parts)

    def _pooled(self, shared: Tensor) -> list[Tensor]:
        """The eight parts' areas, each as one pixel, in the order of `PARTS`."""
        assert self.design.pool is not None  # what exports has asked
        pool = _POOLS[self.design.pool]
        p1, p2, p3 = self.p1(shared), self.p2(shared), self.p3(shared)
        stripes = (*pool(p2, (12, 8)).unbind(2), *pool(p3, (8, 8)).unbind(2))
        wholes = (pool(p1, (12, 4)), pool(p2, (24, 8)), pool(p3, (24, 8)))
        return [*wholes, *(stripe.unsqueeze(2) for stripe in stripes)]

    def _logits(self, pooled: list[Tensor], parts: list[Tensor]) -> list[Tensor]:
        if self.design.num_identities is None:
            return []
        seen = [
            area.flatten(1) if self.design.sees_pooled(index) else part
            for index, (area, part) in enumerate(zip(pooled, parts, strict=True))
        ]
        return [self.get_submodule(part.head)(x) for part, x in zip(PARTS, seen, strict=True)]


def _reduction(width: int) -> nn.Sequential:
    return nn.Sequential(
        _Conv(POOLED_WIDTH, width, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()
    )


def _stage(in_channels: int, middle: int, num_blocks: int, *, stride: int) -> nn.Sequential:
    first = ResidualBlock(in_channels, middle, stride=stride, project=True)
    return nn.Sequential(first, *(ResidualBlock(4 * middle, middle) for _ in range(num_blocks - 1)))


def _branch(*, stride: int) -> nn.Sequential:
    rest_of_layer3 = nn.Sequential(*(ResidualBlock(1024, 256) for _ in range(5)))
    return nn.Sequential(rest_of_layer3, _stage(1024, 512, 3, stride=stride))


def parameter_shapes(design: Design = REID_MGN) -> dict[str, tuple[int, ...]]:
    """Shapes by name of MGN's parameters, in the state dict's order, statistics included."""
    with torch.device("meta"):
        return {name: tuple(x.shape) for name, x in MGN(design).state_dict().items()}


def network_with(parameters: Mapping[str, AnyArray], design: Design = REID_MGN) -> MGN:
    """MGN in evaluation mode with the given parameters, whose memory it shares.

    Args:
        parameters: everything that `parameter_shapes` names; float32, counters int64.
        design: which MGN they are of.

    Returns:
        The network; the arrays must not change while it is used.
    """
    with torch.device("meta"):
        network = MGN(design)
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
    design = replace(REID_MGN, num_identities=num_identities)
    parameters = {
        name: _draw(random, name, shape) for name, shape in parameter_shapes(design).items()
    }
    _calibrate(network_with(parameters, design), seed)
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
