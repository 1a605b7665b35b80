"""The damaged bundles of one run: each kind once, then as many at random as are asked for."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator

from .damage import (
    BYTES,
    GRAPHS,
    MANIFEST,
    Damage,
    Files,
    half_copied,
    other_catalog,
    other_claims,
    signed,
    with_graph,
    wrong_hash,
)

KINDS = (
    *BYTES, "wrong_hash", "missing_manifest", "half_copied", "other_catalog", *GRAPHS,
    "ten_times_slower",
)  # fmt: skip


def each_kind(rng: random.Random, files: Files, slow: Callable[[], Files]) -> Iterator[Damage]:
    """One of each kind; `slow` makes the bundle that takes ten times as long."""
    for kind, change in BYTES.items():
        yield Damage(kind, {**files, "encoder.onnx": change(rng, files["encoder.onnx"])}, False)
    yield Damage("wrong_hash", wrong_hash(rng, files), True)
    yield Damage("missing_manifest", {n: r for n, r in files.items() if n != MANIFEST}, False)
    yield Damage("half_copied", half_copied(rng, files), False)
    yield Damage("other_catalog", other_catalog(rng, files), True)
    for kind, alter in GRAPHS.items():
        yield Damage(kind, with_graph(files, alter), True)
    yield Damage("ten_times_slower", slow(), True)


def at_random(rng: random.Random, files: Files, count: int) -> Iterator[Damage]:
    """So many corruptions, over all files, half of them signed where a signature can be renewed."""
    names = sorted(files)
    more: dict[str, Callable[[random.Random, bytes], bytes]] = {
        "bits_flipped": _bits_flipped,
        "random_page": _random_page,
        "bytes_inserted": _bytes_inserted,
        "bytes_left_out": _bytes_left_out,
    }
    changes = BYTES | more
    for _ in range(count):
        name, kind = rng.choice(names), rng.choice(sorted(changes))
        renewed = rng.random() < 0.5
        if name == MANIFEST and renewed:
            yield Damage("other_claims", other_claims(rng, files), True)
            continue
        other = {**files, name: changes[kind](rng, files[name])}
        yield Damage(kind, signed(other) if renewed else other, renewed)


def _bits_flipped(rng: random.Random, raw: bytes) -> bytes:
    changed = bytearray(raw)
    for _ in range(rng.randint(2, 64)):
        changed[rng.randrange(len(changed))] ^= 1 << rng.randrange(8)
    return bytes(changed)


def _random_page(rng: random.Random, raw: bytes) -> bytes:
    start = rng.randrange(0, len(raw), 4096)
    size = len(raw[start : start + 4096])
    return raw[:start] + rng.randbytes(size) + raw[start + size :]


def _bytes_inserted(rng: random.Random, raw: bytes) -> bytes:
    at = rng.randrange(len(raw) + 1)
    return raw[:at] + rng.randbytes(rng.randint(1, 64)) + raw[at:]


def _bytes_left_out(rng: random.Random, raw: bytes) -> bytes:
    at = rng.randrange(len(raw))
    return raw[:at] + raw[at + rng.randint(1, 64) :]
