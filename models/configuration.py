"""What is trained and how, read from TOML: one table for each part of it.

    [model]
    architecture = "sasrec"     # and its sizes, as its Config names them
    width = 64
    [loss]                      # LossConfig
    name = "ce"
    [schedule]                  # Schedule
    epochs = 20
    [counts]                    # HybridConfig; the table alone makes a hybrid of the model
    floor = 0.001
    [rerank]                    # RerankConfig; the table alone puts a second stage behind it
    width = 64

Later tables win over earlier ones, key by key. Unknown keys are refused, and the known ones named.
The catalog is the data's: `items` is no key.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from .encoders.architectures import ARCHITECTURES, make_config
from .encoders.encoder import EncoderConfig
from .hybrid import HybridConfig
from .losses.loss import LossConfig
from .second_stage.rerank import RerankConfig
from .training.schedule import Schedule

T = TypeVar("T")
Tables = Mapping[str, Mapping[str, Any]]
TABLES = ("model", "loss", "schedule", "counts", "rerank")
_ARCHITECTURE = "architecture"


@dataclass(frozen=True, kw_only=True)
class Configuration:
    """An architecture and its sizes, what it minimises, how long and how fast."""

    architecture: str
    sizes: Mapping[str, Any] = field(default_factory=dict)  # those given; the others are defaults
    loss: LossConfig = field(default_factory=LossConfig)
    schedule: Schedule = field(default_factory=Schedule)
    counts: HybridConfig | None = None  # beside the network, in a hybrid
    rerank: RerankConfig | None = None  # behind it, a second stage

    def __post_init__(self) -> None:
        """Refuse sizes that no catalog could make right."""
        if "items" in self.sizes:
            raise ValueError("model.items is given by the data: leave it out")
        self.model(1)

    def model(self, items: int) -> EncoderConfig:
        """Give the sizes of the encoder over a catalog of `items` tracks."""
        return make_config(self.architecture, {**self.sizes, "items": items})

    def toml(self) -> str:
        """Write it as `configuration` reads it, every key with its value; keys at None are out."""
        sizes: Any = self.model(1)
        model = {_ARCHITECTURE: self.architecture, **asdict(sizes)}
        del model["items"]
        tables = {"model": model, "loss": asdict(self.loss), "schedule": asdict(self.schedule)}
        if self.counts is not None:
            tables["counts"] = asdict(self.counts)
            tables["counts.markov"] = tables["counts"].pop("markov")
        if self.rerank is not None:
            tables["rerank"] = asdict(self.rerank)
        lines: list[str] = []
        for name, table in tables.items():
            lines += [f"[{name}]", *_lines(table), ""]
        return "\n".join(lines).rstrip() + "\n"


def configuration(*layers: Tables) -> Configuration:
    """Join the layers, the later over the earlier.

    Raises:
        ValueError: a table, key or value that is not known, and what would be.
    """
    tables: dict[str, dict[str, Any]] = {name: {} for name in TABLES}
    hybrid, second = (any(name in layer for layer in layers) for name in ("counts", "rerank"))
    for layer in layers:
        for name, table in layer.items():
            if name not in tables or not isinstance(table, Mapping):
                raise ValueError(f"table {name!r}: expected one of {', '.join(TABLES)}")
            tables[name] |= table
    sizes = tables["model"]
    if _ARCHITECTURE not in sizes:
        names = ", ".join(ARCHITECTURES)
        raise ValueError(f"model.architecture is not given: expected one of {names}")
    architecture = str(sizes.pop(_ARCHITECTURE))
    usual = ARCHITECTURES[architecture][1].schedule if architecture in ARCHITECTURES else {}
    return Configuration(
        architecture=architecture,
        sizes=sizes,
        loss=_made("loss", LossConfig, tables["loss"]),
        schedule=_made("schedule", Schedule, {**usual, **tables["schedule"]}),
        counts=_made("counts", HybridConfig, tables["counts"]) if hybrid else None,
        rerank=_made("rerank", RerankConfig, tables["rerank"]) if second else None,
    )


def read_tables(path: Path) -> dict[str, dict[str, Any]]:
    """Read the tables of a TOML file.

    Raises:
        ValueError: it is no TOML.
        FileNotFoundError: there is none.
    """
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as err:
        raise ValueError(f"{path} is no TOML: {err}") from err


def settings(given: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Read `table.key=value` settings; a value is TOML, or the plain string that it is.

    Raises:
        ValueError: one has another form.
    """
    tables: dict[str, dict[str, Any]] = {}
    for text in given:
        key, equals, value = text.partition("=")
        table, dot, name = key.strip().partition(".")
        if not (equals and dot and name):
            raise ValueError(
                f"setting {text!r}: expected TABLE.KEY=VALUE, TABLE one of {', '.join(TABLES)}"
            )
        tables.setdefault(table, {})[name] = _value(value.strip())
    return tables


def _value(text: str) -> Any:  # noqa: ANN401 - any value of TOML
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _made(table: str, kind: type[T], given: Mapping[str, Any]) -> T:
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    if strange := sorted(set(given) - known):
        raise ValueError(
            f"{table} has no {', '.join(strange)}; its keys are {', '.join(sorted(known))}"
        )
    for key, hint in get_type_hints(kind).items():
        allowed = get_args(hint) if get_origin(hint) is Literal else ()
        if allowed and given.get(key, allowed[0]) not in allowed:
            names = ", ".join(map(str, allowed))
            raise ValueError(f"{table}.{key} is {given[key]!r}, expected one of {names}")
    try:
        return msgspec.convert(dict(given), kind)
    except msgspec.ValidationError as err:
        raise ValueError(f"{table}: {err}") from err


def _lines(table: Mapping[str, Any]) -> list[str]:
    # JSON's strings, numbers, booleans and arrays are TOML's too.
    return [f"{key} = {json.dumps(value)}" for key, value in table.items() if value is not None]
