"""What this version writes that a later one must read: a packed session and a bundle's manifest.

    python -m tests.written        writes tests/fixtures/VERSION; never over one that is there

Run once for each release, and committed: test_upgrade.py reads them all.
"""

import json
import tomllib
from pathlib import Path

import msgspec

from streams.manifest import FileRecord, Golden, Manifest
from streams.session import Occurrence, Offer, Session, pack

ROOT = Path(__file__).parents[1]
FIXTURES = Path(__file__).with_name("fixtures")
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["version"]


def session() -> Session:
    """A record with something in every field."""
    moment = "2026-11-24T08:00:00Z"
    given = ("3f2b8c1e-0000-5000-8000-000000000001", "v7")
    heard = Occurrence(3, "t4", 1, "e4", moment, "t3", 2, *given)
    begun = Occurrence(4, "träck 5", 0, "e5", moment, "t4", None, *given)
    return Session(
        partition=3, offset=123_456_789_012, appended_ms=1_795_507_200_123,
        occurred_ms=1_795_507_200_000,
        history=(("t1", 1), ("t2", 4), ("t3", 3), ("t4", 1), ("träck 5", 0)),
        begun=5, pending=begun, closed=(heard,),
        event_ids=("e1", "e2", "e3", "e4", "e5"),
        offer=Offer(*given, "cold_start", (("t9", 1.5), ("t8", -0.25))),
    )  # fmt: skip


def manifest() -> Manifest:
    """A manifest with something in every field; no file of it is needed to read it."""
    return Manifest(
        name="sasrec", version="20261124-080000", parent="20261123-080000",
        architecture="SASRec", config={"width": 64, "dropout": 0.2},
        catalog_size=6000, length=50, width=64, cutoff=100,
        files={"encoder.onnx": FileRecord("ab" * 32, 1234)},
        training={"source": "parquet:plays", "events": 1000}, metrics={"mrr@20": 0.25},
        parity=1.5e-6,
        golden=(Golden((("t1", 1), ("t2", 4)), (("t9", 1.5), ("t8", -0.25))),),
        created_at="2026-11-24T08:00:00Z",
    )  # fmt: skip


def files() -> dict[str, bytes]:
    """The fixtures of this version, by their names."""
    told = json.dumps(msgspec.to_builtins(session()), indent=1, ensure_ascii=False)
    return {
        "session.hex": pack(session()).hex("\n", 32).encode() + b"\n",
        "session.json": told.encode() + b"\n",
        "manifest.json": manifest().encode(),
    }


if __name__ == "__main__":
    folder = FIXTURES / VERSION
    folder.mkdir(parents=True)
    for name, raw in files().items():
        (folder / name).write_bytes(raw)
