# SPDX-License-Identifier: Apache-2.0
"""The contract: how a model wants its pictures, and what it gives for them.

Stored in every model file that is written here, stated by the user for others. Knows nothing of any
backend. Whatever prepares or checks pictures takes its numbers from a contract.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

import numpy as np

from mgn_fast.common.checks import one_of, true_or_false, whole_number
from mgn_fast.errors import InvalidInputError, ModelError

INPUT_NAME = "image"
OUTPUT_NAME = "features"
METADATA_KEY = "mgn_fast.contract"
# Before the hash of weights; files of earlier versions have that of the checkpoint's file instead.
WEIGHTS_HASH = "weights:"
# Of a model with a fixed size, and of a session.
MAX_BATCH_SIZE = 1024
MAX_SIDE = 8192
MAX_EMBEDDING_WIDTH = 1 << 20
_LARGEST = 1e30  # of a mean, a deviation and a scale

InputKind = Literal["float32", "float16", "uint8"]
OutputKind = Literal["embedding", "all"]
Layout = Literal["NCHW", "NHWC"]
Colour = Literal["RGB", "BGR"]
Interpolation = Literal[
    "pillow-bicubic", "pillow-bilinear", "opencv-bilinear", "opencv-cubic", "opencv-area"
]
Mirror = Literal["add", "none", "inside"]
Exif = Literal["ignore", "apply"]
Part = tuple[str, int]
Channels = tuple[float, float, float]

# MGN's own numbers, for what writes and reads its files; all else asks a contract.
HEIGHT, WIDTH = 384, 128
# ImageNet's statistics of RGB scaled to 0..1, as torchvision publishes them.
MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)
# The eight parts of MGN's embedding as the recipe names them, in its order; `parts.py` says what
# each sees.
MGN_PARTS: tuple[Part, ...] = tuple(
    (name, 256) for name in ("fg_p1", "fg_p2", "fg_p3", "f0_p2", "f1_p2", "f0_p3", "f1_p3", "f2_p3")
)
# The same in an object of its own: parts that nobody stated.
_UNSTATED_PARTS = (*MGN_PARTS[:1], *MGN_PARTS[1:])
EMBEDDING_WIDTH = sum(width for _, width in MGN_PARTS)
_WORDS = {
    "input": InputKind,
    "outputs": OutputKind,
    "layout": Layout,
    "colour": Colour,
    "interpolation": Interpolation,
    "mirror": Mirror,
    "exif": Exif,
}


@dataclass(frozen=True, kw_only=True)
class Contract:
    """How a model wants its pictures, and what it gives; every default is MGN's own.

    The network reads (pixel / scale - mean) / deviation, pixels being 0 to 255.

    Attributes:
        input: element type; "uint8" is normalised inside the graph, or by the device.
        layout: "NCHW" or "NHWC"; by default NCHW, and NHWC for "uint8".
        height, width: of a picture.
        colour: order of the channels, "RGB" or "BGR"; `mean` and `deviation` are in this order.
        scale: divides the pixels: 255 gives 0 to 1, and 1 leaves them.
        mean, deviation: three numbers each; deviations are above 0.
        interpolation: how pictures are resized, exactly as that library does.
        output: name of the output that holds the embeddings; None where the model has one output.
        embedding_width: numbers in an embedding; None takes what the model gives.
        mirror: "add" adds the embeddings of a picture and of its mirror, "none" takes the picture
            alone, "inside" is a graph that adds them itself.
        normalise: embeddings are scaled to length 1.
        parts: names and widths of the slices of an embedding that belong to parts of the body;
            None where it has none. Left at its default it is None for other sizes than MGN's.
        exif: "ignore" takes pictures as they are stored, "apply" turns them upright first, as the
            EXIF orientation of their files says.
        outputs: "embedding", or "all" for the recipe's twelve outputs.
        checkpoint_sha256: "weights:" and the hash of the weights, whatever file held them; "" where
            that is not known.
        seed: of random weights; None for others.
        origin: words for where the contract was read; neither compared nor stored.

    Raises:
        InvalidInputError: a value that no model can have, with the field's name and the form.
    """

    input: InputKind = "float32"
    layout: Layout | Literal[""] = ""
    height: int = HEIGHT
    width: int = WIDTH
    colour: Colour = "RGB"
    scale: float = 255.0
    mean: Channels = MEAN
    deviation: Channels = DEVIATION
    interpolation: Interpolation = "pillow-bicubic"
    output: str | None = None
    embedding_width: int | None = EMBEDDING_WIDTH
    mirror: Mirror = "add"
    normalise: bool = True
    parts: tuple[Part, ...] | None = _UNSTATED_PARTS
    exif: Exif = "ignore"
    outputs: OutputKind = "embedding"
    checkpoint_sha256: str = ""
    seed: int | None = None
    origin: str = field(default="", compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.layout == "":
            object.__setattr__(self, "layout", "NHWC" if self.input == "uint8" else "NCHW")
        for name, words in _WORDS.items():
            one_of(name, getattr(self, name), get_args(words))
        checked = {
            "height": whole_number("height", self.height, 1, MAX_SIDE),
            "width": whole_number("width", self.width, 1, MAX_SIDE),
            "scale": _positive("scale", self.scale),
            "mean": _channels("mean", self.mean),
            "deviation": _channels("deviation", self.deviation, above_zero=True),
        }
        if self.embedding_width is not None:
            checked["embedding_width"] = whole_number(
                "embedding_width", self.embedding_width, 1, MAX_EMBEDDING_WIDTH
            )
        if self.seed is not None:
            checked["seed"] = whole_number("seed", self.seed, 0, 2**63 - 1)
        true_or_false("normalise", self.normalise)
        _require_text("checkpoint_sha256", self.checkpoint_sha256)
        if self.output is not None:
            _require_text("output", self.output, least=1)
        for name, value in checked.items():
            object.__setattr__(self, name, value)
        object.__setattr__(self, "parts", self._checked_parts())

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of the model's input."""
        return np.dtype(self.input)

    @property
    def picture_shape(self) -> tuple[int, int, int]:
        """Of one picture in the model's input."""
        size = self.height, self.width
        return (3, *size) if self.layout == "NCHW" else (*size, 3)

    @property
    def mirrors(self) -> bool:
        """Whether the mirrored picture is part of an embedding, whoever adds it."""
        return self.mirror != "none"

    @property
    def fuse_mirror(self) -> bool:
        """Whether the graph runs picture and mirror itself and adds them."""
        return self.mirror == "inside"

    def to_dict(self) -> dict[str, Any]:
        """The contract as JSON's own types, as it stands in files.

        Returns:
            A new dict that `contract_from` reads back to an equal contract.
        """
        stored = asdict(self) | {"mean": [*self.mean], "deviation": [*self.deviation]}
        if self.parts is not None:
            stored["parts"] = [list(part) for part in self.parts]
        del stored["origin"]
        if self.exif == "ignore":  # files without it are read by every version
            del stored["exif"]
        return stored

    def to_json(self) -> str:
        """The contract as one line of JSON, keys sorted.

        Returns:
            Text that `from_json` reads back to an equal contract.
        """
        return json.dumps(self.to_dict(), sort_keys=True)

    @classmethod
    def from_json(cls, text: str, *, source: str) -> Contract:
        """Reads a stored contract.

        Args:
            text: what `to_json` wrote, in this version or an earlier one.
            source: where it stands, for messages and for `origin`.

        Returns:
            The contract.

        Raises:
            ModelError: no contract, or a value that no model can have.
        """
        try:
            return contract_from(json.loads(text), source=source)
        except (ValueError, RecursionError) as error:
            raise ModelError(
                f"{source} has {METADATA_KEY} = {text[:200]!r}, which is no contract: {error}"
            ) from error

    def _checked_parts(self) -> tuple[Part, ...] | None:
        if self.parts is None:
            return None
        if self.parts is _UNSTATED_PARTS:
            is_mgn = (self.height, self.width, self.embedding_width) == (
                HEIGHT,
                WIDTH,
                EMBEDDING_WIDTH,
            )
            return _UNSTATED_PARTS if is_mgn else None
        expected = "pairs of a name and a width, such as ('upper', 256), or None"
        pairs = tuple(
            tuple(_listed("parts", p, expected)) for p in _listed("parts", self.parts, expected)
        )
        for pair in pairs:
            if len(pair) != 2:
                raise InvalidInputError(f"parts has {pair!r:.100}, expected {expected}")
            _require_text("the name of a part", pair[0], least=1)
            whole_number(f"the width of part {pair[0]!r}", pair[1], 1)
        names, total = [name for name, _ in pairs], sum(width for _, width in pairs)
        if not names or len(set(names)) != len(names):
            raise InvalidInputError(f"parts are named {names}, expected different names, or None")
        if total != self.embedding_width:
            raise InvalidInputError(
                f"parts are {total} wide together and embedding_width is {self.embedding_width}, "
                "expected the same, or parts=None"
            )
        return pairs


def contract_from(given: Any, *, source: str) -> Contract:
    """A contract from a dict, as JSON holds it.

    Args:
        given: fields by name; those that are missing are MGN's. Files of earlier versions have
            "fuse_mirror" for a mirror inside the graph.
        source: where it stands, for messages and for `origin`.

    Returns:
        The contract.

    Raises:
        InvalidInputError: not a dict, a name that no contract has, or a value that no model can
            have; the message begins with `source`.
    """
    if not isinstance(given, Mapping):
        raise InvalidInputError(f"{source} is {given!r:.100}, expected the fields of a contract")
    values = dict(given)
    try:
        if "fuse_mirror" in values:
            fuses = values.pop("fuse_mirror")
            true_or_false("fuse_mirror", fuses)
            values.setdefault("mirror", "inside" if fuses else "add")
        known = [each.name for each in fields(Contract) if each.name != "origin"]
        strange = [name for name in values if name not in known]
        if strange:
            raise InvalidInputError(
                f"{strange[0]!r:.100} is no field of a contract, expected some of "
                f"{', '.join(known)}"
            )
        return Contract(**values, origin=source)
    except InvalidInputError as error:
        raise InvalidInputError(f"{source}: {error}") from error


def _channels(name: str, values: Any, *, above_zero: bool = False) -> Channels:
    listed = values.tolist() if isinstance(values, np.ndarray) else values
    known = isinstance(listed, (list, tuple)) and len(listed) == 3
    if not known or not all(_is_number(value, above_zero=above_zero) for value in listed):
        form = f"above 0, such as {DEVIATION}" if above_zero else f"such as {MEAN}"
        raise InvalidInputError(
            f"{name} is {values!r:.100}, expected three finite numbers, one a channel, {form}"
        )
    first, second, third = map(float, listed)
    return first, second, third


def _positive(name: str, value: Any) -> float:
    if not _is_number(value, above_zero=True):
        raise InvalidInputError(
            f"{name} is {value!r:.100}, expected a finite number above 0, such as 255"
        )
    return float(value)


def _is_number(value: Any, *, above_zero: bool = False) -> bool:
    if not isinstance(value, (int, float, np.integer, np.floating)) or isinstance(value, bool):
        return False
    # The kernels hold it in float32, where a number that is very small is 0.
    return bool(-_LARGEST < value < _LARGEST and (not above_zero or value > 1 / _LARGEST))


def _listed(name: str, value: Any, expected: str) -> Sequence[Any]:
    if isinstance(value, np.ndarray):
        value = value.tolist()
    if not isinstance(value, (list, tuple)):
        raise InvalidInputError(f"{name} is {value!r:.100}, expected {expected}")
    return value


def _require_text(name: str, value: Any, least: int = 0) -> None:
    if not isinstance(value, str) or not least <= len(value) <= 1024:
        raise InvalidInputError(f"{name} is {value!r:.100}, expected a text")


MGN = Contract()
