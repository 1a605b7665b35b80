"""What a skip suite is: rows that differ in what they learn of skips, on the same sessions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

from models.losses.loss import LossConfig
from models.questions import ProtocolName
from models.training.schedule import Schedule


@dataclass(frozen=True, kw_only=True)
class Row:
    """One model with one loss."""

    name: str
    architecture: str = "sasrec"
    loss: LossConfig = field(default_factory=LossConfig)
    sizes: Mapping[str, Any] = field(default_factory=dict)  # those not as the architecture has them
    schedule: Mapping[str, Any] = field(default_factory=dict)  # what is not the suite's


@dataclass(frozen=True, kw_only=True)
class Bar:
    """What the difference of each pair must be for the suite's claim to hold."""

    metric: str
    above: float = 0.0  # that the interval's lower bound is, as a share of b's own figure
    every_seed: bool = False  # instead: the difference of each seed, above 0

    def __str__(self) -> str:
        if self.every_seed:
            return f"{self.metric} up on every seed"
        return f"{self.metric}: interval above {self.above:.0%}"


@dataclass(frozen=True, kw_only=True)
class Suite:
    """Rows on the same sessions, asked in the same way."""

    title: str
    data: str
    rows: tuple[Row, ...]
    pairs: tuple[tuple[str, str], ...]  # (a, b): a is compared with b
    schedule: Schedule
    bars: tuple[Bar, ...] = ()
    seeds: tuple[int, ...] = (0, 1, 2)
    part: Literal["valid", "test"] = "test"
    protocol: ProtocolName = "next-track"
    leave_one_out: bool = False  # the last two tracks of every session are held out

    def only(self, names: Sequence[str] | None) -> Suite:
        """Keep the rows of these names, and the pairs that are whole.

        Raises:
            ValueError: there is no such row.
        """
        if names is None:
            return self
        known = [row.name for row in self.rows]
        if strange := sorted(set(names) - set(known)):
            raise ValueError(f"no row {', '.join(strange)}; expected some of {'; '.join(known)}")
        return replace(
            self,
            rows=tuple(row for row in self.rows if row.name in names),
            pairs=tuple(pair for pair in self.pairs if set(pair) <= set(names)),
        )

    def identity(self, row: Row, seed: int) -> dict[str, Any]:
        """Say all that the answers of a row depend on, besides the code; not what it is called."""
        return {
            "architecture": row.architecture,
            "sizes": dict(row.sizes),
            "loss": _set(row.loss, LossConfig()),
            "schedule": _set(self.scheduled(row), Schedule()),
            "data": self.data,
            "asked": [self.part, self.protocol, self.leave_one_out],
            "seed": seed,
        }

    def scheduled(self, row: Row) -> Schedule:
        """Give the schedule of a row."""
        return replace(self.schedule, **row.schedule)


def _set(config: LossConfig | Schedule, default: LossConfig | Schedule) -> dict[str, Any]:
    """What is not as it is by default: a field that is new tomorrow changes no identity."""
    usual = asdict(default)
    return {name: value for name, value in asdict(config).items() if value != usual[name]}
