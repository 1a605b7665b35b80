"""Bundles that must not serve: twelve kinds of damage, each made of a sound bundle's files.

Where a hash would find it at once, it is also made as if it had come before the manifest was
written: hashes and sizes fit the damaged files, and what was recorded of the answers stays.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
import numpy as np
import onnx
from onnx import ModelProto, TensorProto, helper, numpy_helper

from streams.catalog import Catalog
from streams.manifest import FileRecord, Manifest, decode_manifest

Files = dict[str, bytes]
MANIFEST = "manifest.json"
PAGE = 4096  # bytes
_WIDE = 512  # width of the layers that only take time


class Damage(NamedTuple):
    """A damaged bundle; when `signed`, its manifest was written after the damage was done."""

    kind: str
    files: Files
    signed: bool


def signed(files: Files, /, **changes: Any) -> Files:  # noqa: ANN401 - a manifest's fields
    """Give the files with a manifest whose sizes and hashes fit them."""
    manifest = decode_manifest(files[MANIFEST])
    records = {
        name: FileRecord(sha256=hashlib.sha256(raw).hexdigest(), size=len(raw))
        for name, raw in files.items()
        if name != MANIFEST
    }
    manifest = msgspec.structs.replace(manifest, **{"files": records, **changes})
    return {**files, MANIFEST: manifest.encode()}


def truncated(rng: random.Random, raw: bytes) -> bytes:
    """Cut it off somewhere."""
    return raw[: rng.randrange(len(raw))]


def bit_flipped(rng: random.Random, raw: bytes) -> bytes:
    """Change one bit."""
    return _with_byte(raw, at := rng.randrange(len(raw)), raw[at] ^ 1 << rng.randrange(8))


def zeroed_page(rng: random.Random, raw: bytes) -> bytes:
    """Zero one page that is not zero: it never reached the disk."""
    starts = [s for s in range(0, len(raw), PAGE) if raw[s : s + PAGE].strip(b"\0")]
    start = rng.choice(starts)
    page = raw[start : start + PAGE]
    return raw[:start] + bytes(len(page)) + raw[start + PAGE :]


BYTES: dict[str, Callable[[random.Random, bytes], bytes]] = {
    "truncated": truncated,
    "bit_flipped": bit_flipped,
    "zeroed_page": zeroed_page,
}
"""Kinds of damage to the bytes of one file."""


def wrong_hash(rng: random.Random, files: Files) -> Files:
    """A manifest that is sound in itself, of another file than the one beside it."""
    manifest = decode_manifest(files[MANIFEST])
    name = rng.choice(sorted(manifest.files))
    record = manifest.files[name]
    other = hashlib.sha256(record.sha256.encode()).hexdigest()
    records = {**manifest.files, name: FileRecord(other, record.size)}
    return {**files, MANIFEST: msgspec.structs.replace(manifest, files=records).encode()}


def half_copied(rng: random.Random, files: Files) -> Files:
    """Some files are there, one is on its way, the others are not."""
    names = rng.sample(sorted(files), len(files))
    whole = rng.randrange(len(names))
    under_way = names[whole]
    return {
        **{name: files[name] for name in names[:whole]},
        under_way: files[under_way][: len(files[under_way]) // 2],
    }


def other_catalog(rng: random.Random, files: Files) -> Files:
    """The same tracks, each under another's item."""
    catalog = Catalog.from_parquet(files["catalog.parquet"])
    tracks = list(catalog.track_ids)
    while tracks == list(catalog.track_ids):
        rng.shuffle(tracks)
    other = Catalog(tuple(tracks), catalog.counts, catalog.titles)
    # Its hash by value is renewed too: the answers alone tell it.
    return signed({**files, "catalog.parquet": other.to_parquet()}, tables=msgspec.UNSET)


def other_input_names(model: ModelProto) -> None:
    """`items` is called something else."""
    for node in model.graph.node:
        for at, name in enumerate(node.input):
            node.input[at] = "tracks" if name == "items" else name
    model.graph.input[0].name = "tracks"


def external_data(model: ModelProto) -> None:
    """The weights lie in a file that somebody else can name."""
    tensor = model.graph.initializer[0]
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../weights.bin")


def custom_ops(model: ModelProto) -> None:
    """An operator of another domain, which a runtime would look for in a library."""
    model.opset_import.append(helper.make_opsetid("com.example", 1))
    model.graph.node[0].domain = "com.example"


def nan_outputs(model: ModelProto) -> None:
    """One number of every table of weights is not a number."""
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            weights = numpy_helper.to_array(tensor).copy()
            weights.reshape(-1)[-1] = np.nan
            tensor.CopyFrom(numpy_helper.from_array(weights, tensor.name))


GRAPHS: dict[str, Callable[[ModelProto], None]] = {
    "other_input_names": other_input_names,
    "external_data": external_data,
    "custom_ops": custom_ops,
    "nan_outputs": nan_outputs,
}
"""Kinds of damage to the encoder's graph, all of them made before the manifest."""


def slower(files: Files, layers: int) -> Files:
    """The same answers after so many layers more, whose result is multiplied by zero."""

    def change(model: ModelProto) -> None:
        graph = model.graph
        for node in graph.node:
            for at, name in enumerate(node.output):
                node.output[at] = "quick" if name == "session" else name
        width = decode_manifest(files[MANIFEST]).width
        tables = {
            "widen": np.full((width, _WIDE), 0.01, dtype=np.float32),
            "layer": np.full((_WIDE, _WIDE), 0.001, dtype=np.float32),
            "nothing": np.zeros((_WIDE, width), dtype=np.float32),
        }
        graph.initializer.extend(numpy_helper.from_array(w, name) for name, w in tables.items())
        graph.node.append(helper.make_node("MatMul", ["quick", "widen"], ["slow_0"]))
        for at in range(layers):
            graph.node.append(
                helper.make_node("MatMul", [f"slow_{at}", "layer"], [f"slow_{at + 1}"])
            )
        graph.node.append(helper.make_node("MatMul", [f"slow_{layers}", "nothing"], ["zero"]))
        graph.node.append(helper.make_node("Add", ["quick", "zero"], ["session"]))

    return with_graph(files, change)


def with_graph(files: Files, change: Callable[[ModelProto], None]) -> Files:
    """Change the encoder, and sign it."""
    model = onnx.load_model_from_string(files["encoder.onnx"])
    change(model)
    return signed({**files, "encoder.onnx": model.SerializeToString()})


def other_claims(rng: random.Random, files: Files) -> Files:
    """A manifest, sound in itself, that says something else of the same files."""
    manifest: Manifest = decode_manifest(files[MANIFEST])
    field = rng.choice(("catalog_size", "length", "width", "cutoff", "golden"))
    if field != "golden":
        value = getattr(manifest, field) + rng.choice((-1, 1))
        return {
            **files,
            MANIFEST: msgspec.structs.replace(manifest, **{field: value}).encode(),
        }
    golden = list(manifest.golden)
    at = rng.randrange(len(golden))
    answer = list(golden[at].answer)
    place = rng.randrange(len(answer))
    answer[place] = (answer[place][0], answer[place][1] + rng.choice((-1, 1)))
    golden[at] = msgspec.structs.replace(golden[at], answer=tuple(answer))
    return {**files, MANIFEST: msgspec.structs.replace(manifest, golden=tuple(golden)).encode()}


def _with_byte(raw: bytes, at: int, value: int) -> bytes:
    return raw[:at] + bytes([value]) + raw[at + 1 :]
