"""What `segue tune` tries: for each key of a configuration, the values it may take.

A key is TABLE.KEY as in `configuration`. What an architecture does not have is left out, and so is
what the caller has fixed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from .configuration import Configuration


@dataclass(frozen=True)
class Choice:
    """One of some values."""

    values: tuple[Any, ...]


@dataclass(frozen=True)
class Between:
    """A number between two others, on a logarithmic scale or a plain one."""

    low: float
    high: float
    log: bool = False


Space = dict[str, Choice | Between]

_ALL: Space = {
    "schedule.learning_rate": Between(5e-4, 2e-2, log=True),
    "schedule.batch": Choice((32, 64, 128, 256)),
    "schedule.weight_decay": Choice((0.0, 1e-3, 1e-2, 1e-1)),
    "model.width": Choice((64, 128, 192)),
    "model.dropout": Between(0.0, 0.6),
}
_SELF_ATTENTION: Space = {
    "model.blocks": Choice((1, 2, 3)),
    "model.heads": Choice((1, 2, 4, 8)),
    "model.expansion": Choice((1, 2, 4)),
    "model.outcome_dropout": Between(0.0, 0.5),
}
_OF: dict[str, Space] = {
    "sasrec": _SELF_ATTENTION,
    "esasrec": _SELF_ATTENTION,
    "gru4rec": {
        "model.layers": Choice((1, 2)),
        "model.dropout_hidden": Between(0.0, 0.5),
        "model.item_bias": Choice((False, True)),
        "model.outcome_dropout": Between(0.0, 0.5),
    },
    "bert4rec": {
        "model.blocks": Choice((1, 2, 3)),
        "model.heads": Choice((1, 2, 4, 8)),
        "model.masked": Between(0.1, 0.6),
    },
}


def search_space(base: Configuration, fixed: Collection[str] = ()) -> Space:
    """Give what may vary around `base`; `fixed` are keys that stay as they are there."""
    found = {**_ALL, **_OF.get(base.architecture, {})}
    has = flat(base)
    return {key: space for key, space in found.items() if key in has and key not in fixed}


def start(base: Configuration, space: Mapping[str, Choice | Between]) -> dict[str, Any]:
    """Give the values of `base` that lie in the space: where the search begins."""
    has = flat(base)
    return {key: has[key] for key, within in space.items() if _contains(within, has[key])}


def flat(configuration: Configuration) -> dict[str, Any]:
    """Give every key with its value, the defaults too."""
    sizes: Any = configuration.model(1)
    parts = {"model": sizes, "loss": configuration.loss, "schedule": configuration.schedule}
    return {
        f"{table}.{key}": value
        for table, part in parts.items()
        for key, value in asdict(part).items()
    }


def varied(base: Configuration, values: Mapping[str, Any]) -> Configuration:
    """Give `base` with other values of some keys."""
    tables: dict[str, dict[str, Any]] = {"model": {}, "loss": {}, "schedule": {}}
    for key, value in values.items():
        table, _, name = key.partition(".")
        tables[table][name] = value
    return replace(
        base,
        sizes={**base.sizes, **tables["model"]},
        loss=replace(base.loss, **tables["loss"]),
        schedule=replace(base.schedule, **tables["schedule"]),
    )


def _contains(within: Choice | Between, value: Any) -> bool:  # noqa: ANN401 - of any key
    if isinstance(within, Choice):
        return value in within.values
    return bool(within.low <= value <= within.high)
