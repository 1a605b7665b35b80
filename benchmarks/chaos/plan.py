"""What a run is: its faults, its load, and what the workers are told."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from streams.settings import Settings, load_settings

from .kinds import Shape
from .schedule import Fault


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What is run."""

    faults: Sequence[Fault]
    seconds: float  # of load
    shape: Shape
    rate: float  # events a second
    seed: int
    directory: Path
    retention: int | None = None  # seconds that a silent session is kept; the setting's if None

    @property
    def settings(self) -> Settings:
        """The workers' settings, and so the audit's."""
        short = self.retention
        session = {"retention_seconds": short, "silence_seconds": short}
        return load_settings(session=session)
