"""Who takes part for which data set: what each is trained from, and with which settings.

Settings were chosen on the items before the last ones (`--validation` asks for those), one seed;
that a sum of four machines is ahead of one, on eight.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from models.factorisation.interactions import USER, Interactions
from models.factorisation.leave_one_out import Scorer
from models.factorisation.recipe import FmRecipe
from models.factorisation.scoring import ItemKnn, Popular, UserKnn
from models.factorisation.training import FmSchedule, Progress

from .published import ML_100K, MSSD_MINI, Row

BASELINES: dict[str, Callable[[Interactions], Scorer]] = {
    "popularity": Popular.fit,
    "item-knn": ItemKnn.fit,
    "user-knn": UserKnn.fit,
}
FOUR = "4x-"  # begins the name of a sum of four


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One system; a baseline where its name is one."""

    name: str
    contexts: tuple[str, ...] = ()
    user: bool = True  # whether the user is a field; somebody new is nobody
    machine: Mapping[str, Any] = field(default_factory=dict)  # FmConfig's, but for the sizes
    schedule: FmSchedule = field(default_factory=FmSchedule)
    members: int = 1  # machines of different seeds, whose scores are added up

    @property
    def fields(self) -> tuple[str, ...]:
        """The user and the contexts."""
        return (USER, *self.contexts) if self.user else self.contexts

    @property
    def trained(self) -> bool:
        """Whether the seed changes anything."""
        return self.name not in BASELINES

    def fit(self, train: Interactions, seed: int, progress: Progress) -> Scorer:
        """Learn, or count."""
        if not self.trained:
            return BASELINES[self.name](train)
        recipe = FmRecipe(
            fields=self.fields, machine=self.machine, schedule=self.schedule, members=self.members
        )
        return recipe.fitted(train, seed, progress)

    def record(self) -> dict[str, Any]:
        """Give all settings."""
        told: dict[str, Any] = {"name": self.name, "fields": list(self.fields)}
        if self.trained:
            told |= {"machine": dict(self.machine), "schedule": asdict(self.schedule)}
        if self.members > 1:
            told["members"] = self.members
        return told

    def quick(self) -> Entry:
        """The same with two epochs."""
        return replace(self, schedule=replace(self.schedule, epochs=2))


@dataclass(frozen=True)
class Subject:
    """A data set: how it is made sparse or dense, who takes part, and which rows they answer to."""

    entries: tuple[Entry, ...]
    rows: tuple[Row, ...]
    protocol: str  # of the published figures: sampled or new
    duplicates: bool = False  # whether to run once with and once without repeated sessions
    sessions_of_track: int = 1
    tracks_of_session: int = 1


def _machines(
    contexts: Mapping[str, tuple[str, ...]],
    kinds: Mapping[str, tuple[Mapping[str, Any], FmSchedule]],
) -> tuple[Entry, ...]:
    return tuple(
        Entry(name=kind + suffix, contexts=names, machine=machine, schedule=schedule)
        for suffix, names in contexts.items()
        for kind, (machine, schedule) in kinds.items()
    )


def _with_four(*entries: Entry) -> tuple[Entry, ...]:
    """Put a sum of four behind the machine with attention and the item before."""
    found: list[Entry] = []
    for entry in entries:
        found.append(entry)
        if entry.name == "fm-gcn-att+previous":
            found.append(replace(entry, name=FOUR + entry.name, members=4))
    return tuple(found)


_TABLE = {"dropout": 0.3}
_GCN = {"embedding": "gcn", "dropout": 0.3}
_ATTENTION = {"embedding": "attention", "dropout": 0.3}
_TWICE = {"width": 128}
_SPARSE = {"dropout": 0.1}
_SPREAD = {"dropout": 0.2}
# The convolution costs the same for any batch: fewer, larger ones take less time.
_WIDE = FmSchedule(epochs=20, batch=8192, rate=2e-2)
_NONE: Mapping[str, tuple[str, ...]] = {"": ()}
_PREVIOUS: Mapping[str, tuple[str, ...]] = {"+previous": ("previous",)}
_BASELINES = tuple(Entry(name=name) for name in BASELINES)

SUBJECTS = {
    "ml-100k": Subject(
        entries=_with_four(
            *_BASELINES,
            Entry(
                name="mf",
                machine={"linear": False, "dropout": 0.3},
                schedule=FmSchedule(loss="bce", epochs=20, rate=1e-2),
            ),
            *_machines(
                _NONE,
                {
                    "fm": (_TABLE, FmSchedule(epochs=20, rate=1.5e-2)),
                    "fm-gcn": (_GCN, FmSchedule(epochs=16, rate=1e-2)),
                    "fm-gcn-att": (_ATTENTION, FmSchedule(epochs=16, rate=1e-2)),
                },
            ),
            *_machines(
                _PREVIOUS,
                {
                    "fm": (_TABLE, FmSchedule(epochs=24, rate=1e-2)),
                    "fm-gcn": (_GCN, FmSchedule(epochs=16, rate=1e-2)),
                    "fm-gcn-att": (_ATTENTION | _TWICE, FmSchedule(epochs=16, rate=1e-2)),
                },
            ),
            *_machines(
                {"+previous-2": ("previous", "previous-2")},
                {"fm-gcn-att": (_ATTENTION, FmSchedule(epochs=16, rate=1e-2))},
            ),
            *_machines(
                {"+previous-3": ("previous", "previous-2", "previous-3")},
                {
                    "fm": (_TABLE, FmSchedule(epochs=16, rate=1e-2)),
                    "fm-gcn-att": (_ATTENTION, FmSchedule(epochs=16, rate=1e-2)),
                },
            ),
            Entry(
                name="new-people",
                contexts=("previous",),
                user=False,
                machine=_TABLE,
                schedule=FmSchedule(epochs=16, rate=1e-2),
            ),
        ),
        rows=ML_100K,
        protocol="sampled",
    ),
    "mssd-mini": Subject(
        entries=_with_four(
            *_BASELINES,
            *_machines(
                {**_PREVIOUS, **_NONE},
                {
                    "fm": (_SPARSE, FmSchedule(epochs=12, rate=1.5e-2)),
                    "fm-gcn": (_GCN | _SPREAD, _WIDE),
                    "fm-gcn-att": (_ATTENTION | _SPREAD, _WIDE),
                },
            ),
            *_machines(
                {"+skip": ("skip",), "+previous+skip": ("previous", "skip")},
                {"fm": (_SPARSE, FmSchedule(epochs=12, rate=1.5e-2))},
            ),
        ),
        rows=MSSD_MINI,
        protocol="new",
        duplicates=True,
        sessions_of_track=2,
        tracks_of_session=4,
    ),
}
