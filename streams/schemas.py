"""JSON Schemas (2020-12) of the wire records, made from the types that read and write them.

What a schema cannot say (printable ids, one value for each key, times near the broker's clock) is
in docs/contracts.md. `python -m streams.schemas docs/schemas` writes the committed files anew.
"""

from __future__ import annotations

import inspect
import json
import sys
from pathlib import Path
from typing import Any, Final

import msgspec

from .events import Feedback, ModelAnnouncement, PlaybackEvent, Recommendation

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
RECORDS: Final[dict[str, type[msgspec.Struct]]] = {
    "playback_event": PlaybackEvent,
    "recommendation": Recommendation,
    "feedback": Feedback,
    "model_announcement": ModelAnnouncement,
}


def schemas() -> dict[str, dict[str, Any]]:
    """The schema of each record, by the name of its file without `.json`."""
    return {name: _schema(name, record) for name, record in RECORDS.items()}


def text(schema: dict[str, Any]) -> str:
    """A schema as its file holds it."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def write(directory: Path) -> None:
    """Write every schema into a directory that is there."""
    for name, schema in schemas().items():
        (directory / f"{name}.json").write_text(text(schema), encoding="utf-8")


def _schema(name: str, record: type[msgspec.Struct]) -> dict[str, Any]:
    _, parts = msgspec.json.schema_components((record,), ref_template="#/$defs/{name}")
    for part in parts.values():
        part["description"] = inspect.cleandoc(part["description"])
    own: dict[str, Any] = parts.pop(record.__name__)
    head = {"$schema": DIALECT, "$id": f"urn:segue:{name.replace('_', '-')}:1"}
    return head | own | ({"$defs": parts} if parts else {})


if __name__ == "__main__":
    write(Path(sys.argv[1]))
