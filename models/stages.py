"""What ranks around a trained network: counts beside it, and a second stage behind both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from export.write import CUTOFF

from .encoders.encoder import Encoder
from .evaluation.rankers import NeuralRanker
from .hybrid import Counted, HybridConfig
from .questions import ProtocolName, Ranker
from .second_stage.rerank import RerankConfig
from .second_stage.two_stages import Fitted, second_stage
from .sessions import Sessions


def check_rerank(config: RerankConfig, valid: Sessions) -> None:
    """Refuse before the training what could only fail after it.

    Raises:
        ValueError: fewer candidates than a bundle gives, or too few sessions to validate with.
    """
    if config.candidates < CUTOFF:
        raise ValueError(
            f"rerank.candidates is {config.candidates}, expected {CUTOFF} or more: a bundle gives "
            "so many"
        )
    if len(valid) < 2:
        raise ValueError(
            f"{len(valid)} sessions to validate with, expected two or more: a second stage is "
            "fitted on one half and chosen by the other; give more data"
        )


@dataclass(frozen=True, eq=False)
class Stages:
    """A network with what was fitted around it."""

    ranker: Ranker  # of all together
    counted: Counted | None
    second: Fitted | None
    valid: Sessions  # of the validation sessions those that nothing was fitted on


def stages(
    model: Encoder,
    train: Sessions,
    valid: Sessions,
    hybrid: HybridConfig | None,
    rerank: RerankConfig | None,
    *,
    name: str,
    seed: int,
    protocol: ProtocolName = "next-track",
    say: Callable[[str], None] = lambda line: None,
) -> Stages:
    """Count `train`, which the network was trained on, and fit what is fitted by `valid`.

    Raises:
        ValueError: a second stage has nothing to be fitted on.
    """
    ranker: Ranker = NeuralRanker(model, name)
    counted, second, plays = None, None, train.counts()
    if hybrid is not None:
        say("counting, and choosing the weight of the counts on the validation sessions")
        counted = Counted.of(train, hybrid).weighed(ranker, valid, plays)
        say(f"the weight of the counts is {counted.weight:g}")
        ranker = counted.beside(ranker, plays, name)
    if rerank is not None:
        length = model.config.length
        second = second_stage(
            ranker, train, valid, rerank, length=length, seed=seed, protocol=protocol, say=say
        )
        ranker, valid = second.behind(ranker, plays, length, name), second.chosen
    return Stages(ranker, counted, second, valid)
