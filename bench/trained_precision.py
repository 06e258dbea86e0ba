# SPDX-License-Identifier: Apache-2.0
"""How near do int8, bf16 and float16 ends come to float32, trained models beside random weights?

Each model embeds a data set's queries and gallery in float32 on ONNX Runtime, then as
  int8                 what `quantize` makes of it with nothing in float32, on ONNX Runtime;
  int8, kept           the same with its default, which keeps sensitive blocks in float32;
  bf16                 OpenVINO, where the CPU multiplies it;
  aipp                 pictures normalised in float16 as the device does, by a simulated .om;
  aipp, float16 out    and the embeddings in float16 too.
SIMULATED means that the ends are rounded as the device rounds them while the network between them
computes in float32: what float16 inside of it costs, trained_float16.py asks.

Each variant is compared with the float32 embeddings: cosine (of pictures that `quantize` did not
see), mAP and rank 1. Cosines say little where all people look alike to a model, so the median
cosine of different persons stands beside them. Random weights are measured unless --no-random; a
.pt is exported first. --contract says how to prepare pictures for a model that does not say so.

    python bench/trained_precision.py [--dataset DIRECTORY --about WORDS] [--model NAME=FILE ...]
                                      [--contract NAME=PRESET|FILE.json ...] [--variants NAME ...]
                                      [--record NAME]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

import numpy as np

import record
from mgn_fast import (
    Embedder,
    InvalidInputError,
    ModelError,
    adopt,
    compile_om,
    datasets,
    evaluate,
    export_onnx,
    simulator,
)
from mgn_fast.evaluation.agreement import compare, median_cosine, spread
from mgn_fast.models.onnx_file import read_onnx
from mgn_fast.quantize.run import MAX_PICTURES, quantize_onnx

RANDOM = "random weights"
DRAWN = "drawn people"
FLOAT32 = "float32"
HALF_OUTPUT = ("--output_type=FP16",)


class Trial:
    """A data set, and the folder in which the variants of one model are made.

    `seen` are the pictures that `quantize` gets, evenly spread over the gallery: a quarter of it at
    most, so that the others are left to judge by.
    """

    def __init__(self, people, folder):
        self.people, self.folder = people, folder
        self.paths = [*people.query.paths, *people.gallery.paths]
        count = min(MAX_PICTURES, len(people.gallery) // 4)
        self.seen = len(people.query) + spread(len(people.gallery), count)
        self.unseen = np.setdiff1d(np.arange(len(self.paths)), self.seen)

    def quantised(self, model, keep):
        """The int8 model's embeddings, and what `quantize` kept in float32."""
        pictures = [self.paths[place] for place in self.seen]
        path = self.folder / "int8.onnx"
        found = quantize_onnx(model, pictures, path, keep_float32=keep)
        notes = {"kept": list(found.kept), "kept_work": found.kept_work}
        return self.embedded(path, backend="onnxruntime"), notes

    def simulated(self, model, *words):
        """Embeddings by a simulated .om that normalises with AIPP."""
        path = compile_om(
            model,
            self.folder / "model.om",
            simulate=True,
            aipp=True,
            precision="origin",
            extra_args=words,
        )
        simulator.enable(timing=False)
        try:
            return self.embedded(path), {"simulated": True}
        finally:
            simulator.disable()

    def embedded(self, model, **options):
        """Embeddings of all pictures."""
        with Embedder(model, **options) as embedder:
            return embedder(self.paths)

    def judged(self, expected, got):
        """What a variant costs."""
        agreement = compare(expected[self.unseen], got[self.unseen])
        people, count = self.people, len(self.people.query)
        found = evaluate(
            got[:count], got[count:], people.query.identities, people.gallery.identities
        )
        return {
            "cosine_mean": agreement.cosine_mean,
            "cosine_min": agreement.cosine_min,
            "mean_average_precision": found.mean_average_precision,
            "rank_1": float(found.cmc[0]),
        }


# Of a trial and a model with a contract: embeddings, and what else is to be said.
VARIANTS = {
    "int8": lambda trial, model: trial.quantised(model, "none"),
    "int8, kept": lambda trial, model: trial.quantised(model, "auto"),
    "bf16": lambda trial, model: (
        trial.embedded(model, backend="openvino", precision="bf16"),
        {},
    ),
    "aipp": lambda trial, model: trial.simulated(model),
    "aipp, float16 out": lambda trial, model: trial.simulated(model, *HALF_OUTPUT),
}


def measured(trial, model, variants):
    """The figures of one model by variant, and why variants are missing."""
    expected = trial.embedded(model, backend="onnxruntime")
    person = np.concatenate([trial.people.query.person, trial.people.gallery.person])
    figures = {
        "sha256": read_onnx(model).sha256,
        "embedding_width": expected.shape[1],
        "median_cosine_of_different_persons": median_cosine(expected, person),
        "variants": {FLOAT32: trial.judged(expected, expected)},
        "left_out": {},
    }
    print(f"float32: {figures['variants'][FLOAT32]}", flush=True)
    for name in variants:
        try:
            got, notes = VARIANTS[name](trial, model)
        # What this CPU or this model cannot do; all else is a fault and ends the script.
        except (InvalidInputError, ModelError) as error:
            figures["left_out"][name] = str(error).replace(str(trial.folder), "")
            continue
        figures["variants"][name] = trial.judged(expected, got) | notes
        print(f"{name}: {figures['variants'][name]}", flush=True)
    return figures


def with_contract(file, contract, target):
    """An .onnx that says its contract: exported from a .pt, adopted, or the file itself."""
    if file.suffix in (".pt", ".pth", ".safetensors"):
        return export_onnx(file, target, verify=False)
    return file if contract is None else adopt(file, target, contract=contract)


def table(figures):
    """The figures of all models as lines."""
    lines = [f"{'':42} {'cosine':>8} {'worst':>8} {'mAP':>7} {'rank 1':>7}"]
    for model, found in figures.items():
        apart = found["median_cosine_of_different_persons"]
        lines.append(f"{model}: different persons' median cosine {apart:.3f}")
        for name, values in found["variants"].items():
            told = f"    {name}{' (simulated ends)' if values.get('simulated') else ''}"
            lines.append(
                f"{told:42} {values['cosine_mean']:8.5f} {values['cosine_min']:8.5f} "
                f"{values['mean_average_precision']:7.4f} {values['rank_1']:7.4f}"
            )
        lines += [f"    {name}: left out: {why}" for name, why in found["left_out"].items()]
    return lines


def headlines(figures):
    """One line for each model and variant."""
    return [
        record.headline(
            f"{model}, {name}{' (simulated ends)' if values.get('simulated') else ''}: "
            "cosine to float32, and mAP",
            f"{values['cosine_mean']:.4f}, at worst {values['cosine_min']:.4f}; "
            f"{values['mean_average_precision']:.4f}, float32 "
            f"{found['variants'][FLOAT32]['mean_average_precision']:.4f}",
        )
        for model, found in figures.items()
        for name, values in found["variants"].items()
        if name != FLOAT32
    ]


def named(text):
    """NAME=VALUE as a pair."""
    name, equals, value = text.partition("=")
    if not (name and equals and value):
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name, value


def add_options(parser, *, persons, name):
    """What is asked of trained models, with the usual number of drawn persons and record's name."""
    parser.add_argument("--dataset", type=Path, help="in Market-1501's layout; else drawn people")
    parser.add_argument(
        "--about", help="what the pictures are, for the record; paths are not in it"
    )
    parser.add_argument("--persons", type=int, default=persons, help="of the drawn people")
    parser.add_argument("--model", type=named, action="append", default=[], metavar="NAME=FILE")
    parser.add_argument("--contract", type=named, action="append", default=[], metavar="NAME=WORD")
    parser.add_argument("--no-random", action="store_true", help="leave the random weights out")
    parser.add_argument("--record", default=name, help="the record's name")


def parsed(parser, words):
    """The command line, with contracts that all belong to a model."""
    given = parser.parse_args(words)
    given.model, given.contract = dict(given.model), dict(given.contract)
    if unknown := given.contract.keys() - given.model.keys():
        parser.error(f"--contract names {', '.join(sorted(unknown))}, which no --model does")
    if (given.dataset is None) != (given.about is None):
        parser.error("--dataset and --about go together")
    return given


def people_of(given, folder):
    """The data set that is named, or drawn people."""
    if given.dataset is None:
        return datasets.synthetic(folder / "people", persons=given.persons, seed=2)
    return datasets.load_dataset(given.dataset)


def parse(words):
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_options(parser, persons=24, name="trained-precision")
    parser.add_argument("--variants", nargs="+", choices=VARIANTS, default=list(VARIANTS))
    return parsed(parser, words)


def main(words=None):
    """Measures every model, prints the table and writes the record."""
    given = parse(words)
    environment = record.environment()
    figures = {}
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        people = people_of(given, folder)
        trial = Trial(people, folder)
        if not given.no_random:
            model = export_onnx(None, folder / "random.onnx", verify=False)
            figures[RANDOM] = measured(trial, model, given.variants)
        for name, file in given.model.items():
            target = folder / "stated.onnx"
            model = with_contract(Path(file), given.contract.get(name), target)
            figures[name] = measured(trial, model, given.variants)
            figures[name]["contract"] = given.contract.get(name, "its own")
    print("\n".join(table(figures)))
    persons = np.concatenate([people.query.person, people.gallery.person])
    pictures = {
        "what": given.about or DRAWN,
        "persons": len(np.unique(persons[persons != 0])),
        "query": len(people.query),
        "gallery": len(people.gallery),
        "given_to_quantize": len(trial.seen),
    }
    record.write(
        given.record,
        {
            "question": __doc__.splitlines()[0],
            "environment": environment,
            "pictures": pictures,
            "simulated_ends": "the network between rounded ends computes in float32",
            "models": figures,
        },
        headlines(figures),
    )


if __name__ == "__main__":
    main()
