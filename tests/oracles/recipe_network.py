# SPDX-License-Identifier: Apache-2.0
"""MGN's forward pass written straight down from its state dict: eight separate reductions, nothing
folded, nothing shared with the package. Works at any width, so that tests can use a thin network.
"""

from __future__ import annotations

import numpy as np

from support.late import late

F = late("torch.nn.functional")
torch = late("torch")

OUTPUTS = [
    "features", "fg_p1", "fg_p2", "fg_p3",
    "logits_fg_p1", "logits_fg_p2", "logits_fg_p3", "logits_f0_p2",
    "logits_f1_p2", "logits_f0_p3", "logits_f1_p3", "logits_f2_p3",
]  # fmt: skip


def shapes(num_identities=751, thin=1):
    """Name -> shape of all 640 entries, from ResNet-50's table; every width divided by `thin`."""
    table = {}

    def conv(name, out_channels, in_channels, kernel):
        table[f"{name}.weight"] = (out_channels, in_channels, kernel, kernel)

    def norm(name, channels):
        for field in ("weight", "bias", "running_mean", "running_var"):
            table[f"{name}.{field}"] = (channels,)
        table[f"{name}.num_batches_tracked"] = ()

    def block(name, in_channels, middle, projected):
        conv(f"{name}.conv1", middle, in_channels, 1)
        norm(f"{name}.bn1", middle)
        conv(f"{name}.conv2", middle, middle, 3)
        norm(f"{name}.bn2", middle)
        conv(f"{name}.conv3", 4 * middle, middle, 1)
        norm(f"{name}.bn3", 4 * middle)
        if projected:
            conv(f"{name}.downsample.0", 4 * middle, in_channels, 1)
            norm(f"{name}.downsample.1", 4 * middle)

    w = 64 // thin
    conv("backbone.0", w, 3, 7)
    norm("backbone.1", w)
    for i in range(3):
        block(f"backbone.4.{i}", w if i == 0 else 4 * w, w, i == 0)
    for i in range(4):
        block(f"backbone.5.{i}", 4 * w if i == 0 else 8 * w, 2 * w, i == 0)
    block("backbone.6", 8 * w, 4 * w, True)
    for branch in ("p1", "p2", "p3"):
        for i in range(5):
            block(f"{branch}.0.{i}", 16 * w, 4 * w, False)
        for i in range(3):
            block(f"{branch}.1.{i}", 16 * w if i == 0 else 32 * w, 8 * w, i == 0)
    conv("reduction.0", 4 * w, 32 * w, 1)
    norm("reduction.1", 4 * w)
    for head in (
        "2048_0",
        "2048_1",
        "2048_2",
        "256_1_0",
        "256_1_1",
        "256_2_0",
        "256_2_1",
        "256_2_2",
    ):
        table[f"fc_id_{head}.weight"] = (num_identities, 4 * w)
        table[f"fc_id_{head}.bias"] = (num_identities,)
    return table


def random_state(seed, num_identities=7, thin=16):
    """Arrays for `shapes`, in which every entry of every batch norm matters."""
    return random_arrays(seed, shapes(num_identities, thin))


def random_arrays(seed, table):
    rng = np.random.default_rng(seed)
    state = {}
    for name, shape in table.items():
        if name.endswith("num_batches_tracked"):
            state[name] = np.zeros(shape, np.int64)
        elif name.endswith("running_var") or (name.endswith("weight") and len(shape) == 1):
            state[name] = rng.uniform(0.5, 1.5, shape).astype(np.float32)
        elif len(shape) == 1:
            state[name] = rng.normal(0, 0.2, shape).astype(np.float32)
        else:
            deviation = np.float32(np.prod(shape[1:]) ** -0.5)
            state[name] = rng.standard_normal(shape, np.float32) * deviation
    return state


def forward(state, images, dtype="float32"):
    """The twelve outputs by name, for normalised images [N, 3, 384, 128]."""
    with torch.no_grad():
        return _forward(state, images, getattr(torch, dtype))


def tensors(state, dtype):
    state = {name: torch.as_tensor(value) for name, value in state.items()}
    return {name: t.to(dtype) if t.is_floating_point() else t for name, t in state.items()}


def norm(s, x, name):
    fields = (s[f"{name}.{f}"] for f in ("running_mean", "running_var", "weight", "bias"))
    return F.batch_norm(x, *fields, training=False, eps=1e-5)


def block(s, x, name, stride=1):
    y = F.relu(norm(s, F.conv2d(x, s[f"{name}.conv1.weight"]), f"{name}.bn1"))
    y = F.conv2d(y, s[f"{name}.conv2.weight"], stride=stride, padding=1)
    y = F.relu(norm(s, y, f"{name}.bn2"))
    y = norm(s, F.conv2d(y, s[f"{name}.conv3.weight"]), f"{name}.bn3")
    if f"{name}.downsample.0.weight" in s:
        x = F.conv2d(x, s[f"{name}.downsample.0.weight"], stride=stride)
        x = norm(s, x, f"{name}.downsample.1")
    return F.relu(y + x)


def branch(s, x, name, stride):
    for i in range(5):
        x = block(s, x, f"{name}.0.{i}")
    x = block(s, x, f"{name}.1.0", stride)
    x = block(s, x, f"{name}.1.1")
    return block(s, x, f"{name}.1.2")


def branches(s, x, trunk="backbone"):
    """The maps of p1 [N, C, 12, 4], p2 and p3 [N, C, 24, 8]."""
    x = F.conv2d(x, s[f"{trunk}.0.weight"], stride=2, padding=3)
    x = F.relu(norm(s, x, f"{trunk}.1"))
    x = F.max_pool2d(x, 3, 2, 1)
    for i in range(3):
        x = block(s, x, f"{trunk}.4.{i}")
    for i in range(4):
        x = block(s, x, f"{trunk}.5.{i}", 2 if i == 0 else 1)
    x = block(s, x, f"{trunk}.6", 2)
    return branch(s, x, "p1", 2), branch(s, x, "p2", 1), branch(s, x, "p3", 1)


def _forward(state, images, dtype):
    s = tensors(state, dtype)
    p1, p2, p3 = branches(s, torch.as_tensor(images).to(dtype))

    def reduce(area):
        peak = area.amax(dim=(2, 3), keepdim=True)
        return F.relu(norm(s, F.conv2d(peak, s["reduction.0.weight"]), "reduction.1"))[:, :, 0, 0]

    fg_p1, fg_p2, fg_p3 = reduce(p1), reduce(p2), reduce(p3)
    f0_p2, f1_p2 = reduce(p2[:, :, :12]), reduce(p2[:, :, 12:])
    f0_p3, f1_p3, f2_p3 = reduce(p3[:, :, :8]), reduce(p3[:, :, 8:16]), reduce(p3[:, :, 16:])

    def head(part, name):
        return F.linear(part, s[f"fc_id_{name}.weight"], s[f"fc_id_{name}.bias"])

    outputs = [
        torch.cat([fg_p1, fg_p2, fg_p3, f0_p2, f1_p2, f0_p3, f1_p3, f2_p3], dim=1),
        fg_p1, fg_p2, fg_p3,
        head(fg_p1, "2048_0"), head(fg_p2, "2048_1"), head(fg_p3, "2048_2"),
        head(f0_p2, "256_1_0"), head(f1_p2, "256_1_1"),
        head(f0_p3, "256_2_0"), head(f1_p3, "256_2_1"), head(f2_p3, "256_2_2"),
    ]  # fmt: skip
    return {name: value.numpy() for name, value in zip(OUTPUTS, outputs, strict=True)}


def fused(state, images, dtype="float32"):
    """Unit sum of the features of each image and its mirror."""
    images = np.asarray(images)
    both = sum(forward(state, x, dtype)["features"] for x in (images, images[..., ::-1].copy()))
    return both / np.linalg.norm(both, axis=1, keepdims=True)


def relative_error(got, expected):
    """Largest difference, as a share of the largest expected value."""
    return float(np.abs(got - expected).max() / np.abs(expected).max())
