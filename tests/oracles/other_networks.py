# SPDX-License-Identifier: Apache-2.0
"""MGN as two other families train it, written straight down from their state dicts: eight
reductions, stripes pooled by average or maximum, and the order and classifiers of each.
"""

from __future__ import annotations

from oracles import recipe_network
from oracles.recipe_network import OUTPUTS
from support.late import late

F = late("torch.nn.functional")
torch = late("torch")

FAMILIES = ("seathiefwang", "levyfan")


def shapes(family, num_identities=751, thin=1):
    """Name -> shape of all 682 entries, with the family's own names."""
    table = {}
    for name, shape in recipe_network.shapes(num_identities, thin).items():
        if name.startswith("backbone.") and family == "seathiefwang":
            table["backone." + name.removeprefix("backbone.")] = shape
        elif name.startswith("reduction."):
            inner = name.removeprefix("reduction.")
            table |= {f"reduction_{i}.{inner}": shape for i in range(8)}
        elif name.startswith("fc_id_2048_") and name.endswith("weight") and family == "levyfan":
            table[name] = (num_identities, 2048 // thin)
        else:
            table[name] = shape
    return table


def random_state(family, seed, num_identities=7, thin=16):
    """Arrays for `shapes`, of which every one matters."""
    return recipe_network.random_arrays(seed, shapes(family, num_identities, thin))


def forward(family, state, images, pool="max", dtype="float32"):
    """The recipe's twelve outputs by name, for normalised images [N, 3, 384, 128]."""
    with torch.no_grad():
        return _forward(family, state, images, pool, getattr(torch, dtype))


def _forward(family, state, images, pool, dtype):
    s = recipe_network.tensors(state, dtype)
    trunk = "backone" if family == "seathiefwang" else "backbone"
    p1, p2, p3 = recipe_network.branches(s, torch.as_tensor(images).to(dtype), trunk)
    areas = [p1, p2, p3, p2[:, :, :12], p2[:, :, 12:]]
    areas += [p3[:, :, :8], p3[:, :, 8:16], p3[:, :, 16:]]
    pooled = [
        area.amax((2, 3)) if pool == "max" else area.sum((2, 3)) / area[0, 0].numel()
        for area in areas
    ]
    parts = []
    for i, values in enumerate(pooled):
        x = F.conv2d(values[:, :, None, None], s[f"reduction_{i}.0.weight"])
        parts.append(F.relu(recipe_network.norm(s, x, f"reduction_{i}.1"))[:, :, 0, 0])
    g1, g2, g3, a2, b2, a3, b3, c3 = parts
    if family == "seathiefwang":
        order, seen = [g1, g2, g3, a2, b2, a3, b3, c3], parts
    else:
        order, seen = [g1, g2, a2, b2, g3, a3, b3, c3], [*pooled[:3], *parts[3:]]
    heads = ["2048_0", "2048_1", "2048_2", "256_1_0", "256_1_1", "256_2_0", "256_2_1", "256_2_2"]
    logits = [
        F.linear(x, s[f"fc_id_{head}.weight"], s[f"fc_id_{head}.bias"])
        for x, head in zip(seen, heads, strict=True)
    ]
    outputs = [torch.cat(order, dim=1), *parts[:3], *logits]
    return {name: value.numpy() for name, value in zip(OUTPUTS, outputs, strict=True)}
