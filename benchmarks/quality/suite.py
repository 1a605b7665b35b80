"""A suite: which data, asked how, with which models. Each is a TOML file in suites/.

A model is one line of the table `[models]`: its name, and the tables of models/configuration.py,
or `config`, a TOML file that has them and lies beside the suite. Nothing is trained here.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any, NamedTuple

from models.configuration import Configuration, configuration, read_tables
from models.questions import PROTOCOLS, ProtocolName

FOLDER = Path(__file__).parent / "suites"
_SPLIT = ("fractions", "in_order", "leave_one_out", "duplicates")


class Entry(NamedTuple):
    """One model of a suite."""

    name: str
    configuration: Configuration

    def record(self) -> dict[str, Any]:
        """Give what the entry says, as JSON."""
        found = asdict(self.configuration)
        if self.configuration.rerank is None:
            del found["rerank"]  # what was found before there were second stages is found again
        return found


@dataclass(frozen=True, kw_only=True)
class Quick:
    """What `--quick` cuts a suite down to: a look that takes minutes, and no figure to quote."""

    sessions: int  # of the data, from all over it
    epochs: int


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Data, protocols, split and models, all over one catalog."""

    name: str
    title: str
    data: str  # the source (models/data/sources.py), and its folder among the real data sets
    split: Mapping[str, Any]  # what models/split.py calls fractions, in_order, leave_one_out, …
    protocols: tuple[ProtocolName, ...]  # the first one is the suite's own
    columns: tuple[str, ...]  # figures that tables show; the first two are what models are for
    compared: tuple[str, ...]  # figures whose differences have intervals: comparisons.py has them
    quick: Quick
    models: tuple[Entry, ...]
    shared_run: int | None = None  # tracks in a row that make a session too like one of training

    @property
    def same_test(self) -> bool:
        """Whether every seed is asked about the same sessions: the split is no matter of chance."""
        return bool(self.split.get("in_order") or self.split.get("leave_one_out"))

    def chosen(self, names: tuple[str, ...] | None) -> Suite:
        """Keep the models of these names; the name of an architecture alone means all of its.

        Raises:
            ValueError: a name is neither.
        """
        if names is None:
            return self
        known = {entry.name: [entry] for entry in self.models}
        own = set(known)
        for entry in self.models:
            if (architecture := entry.configuration.architecture) not in own:
                known.setdefault(architecture, []).append(entry)
        if strange := sorted(set(names) - set(known)):
            raise ValueError(
                f"suite {self.name} has no model {', '.join(strange)}; "
                f"expected some of {', '.join(sorted(known))}"
            )
        kept = {entry.name for name in names for entry in known[name]}
        return replace(self, models=tuple(entry for entry in self.models if entry.name in kept))

    def hastened(self) -> Suite:
        """Give every model the epochs of `quick`."""
        entries = []
        for entry in self.models:
            found = entry.configuration
            schedule = replace(found.schedule, epochs=self.quick.epochs)
            entries.append(entry._replace(configuration=replace(found, schedule=schedule)))
        return replace(self, models=tuple(entries))


def suite_names() -> list[str]:
    """Name every suite there is."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def read_suite(path: Path) -> Suite:
    """Read a suite's file.

    Raises:
        ValueError: it is no TOML, or says something that is not a suite's.
    """
    try:
        found: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
        quick, models = Quick(**found.pop("quick")), found.pop("models")
        defaults = found.pop("defaults", {})
        entries = tuple(_entry(path, name, line, defaults) for name, line in models.items())
        listed: dict[str, Any] = {
            key: tuple(value) if isinstance(value, list) else value for key, value in found.items()
        }
        suite = Suite(name=path.stem, quick=quick, models=entries, **listed)
    except (AttributeError, KeyError, OSError, TypeError, ValueError) as err:
        raise ValueError(
            f"{path} is not a suite: {err}; a suite says "
            f"{', '.join(f.name for f in fields(Suite) if f.name != 'name')}"
        ) from err
    if not set(suite.split) <= set(_SPLIT) or not set(suite.protocols) <= set(PROTOCOLS):
        raise ValueError(
            f"{path}: split by {', '.join(suite.split)} and protocols "
            f"{', '.join(suite.protocols)}: expected some of {', '.join(_SPLIT)}, and of "
            f"{', '.join(PROTOCOLS)}"
        )
    return suite


def _entry(
    suite: Path, name: str, line: Mapping[str, Any], defaults: Mapping[str, Mapping[str, Any]]
) -> Entry:
    own = dict(line)
    file = own.pop("config", None)
    return Entry(
        name, configuration(defaults, {} if file is None else read_tables(suite.parent / file), own)
    )
