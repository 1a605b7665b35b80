"""The baselines that stand in every table: they count, learn nothing, and are hard to beat."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..questions import Ranker
from ..sessions import Sessions
from .baselines import Markov, MostPopular
from .item_knn import ItemKnn
from .markov import DecayedMarkov
from .mixture import Mixture
from .session_knn import VMIS_KNN, VS_KNN, VSTAN, SessionKnn

BASELINES: Mapping[str, Callable[[Sessions], Ranker]] = {
    "popularity": MostPopular.fit,
    "markov": Markov.fit,
    "markov-5": DecayedMarkov.fit,
    "item-knn": ItemKnn.fit,
    "vs-knn": lambda sessions: SessionKnn.fit(sessions, VS_KNN, "vs-knn"),
    "vmis-knn": lambda sessions: SessionKnn.fit(sessions, VMIS_KNN, "vmis-knn"),
    "steps+vmis-knn": Mixture.fit,
    "vstan": lambda sessions: SessionKnn.fit(sessions, VSTAN, "vstan"),
}
"""By the names that tables give them, with customary settings; fitted on training sessions."""


def standard_baselines(train: Sessions) -> list[Ranker]:
    """Fit all of them."""
    return [fit(train) for fit in BASELINES.values()]
