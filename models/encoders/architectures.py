"""Every architecture by the name that a bundle, a learner and the command line give it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import msgspec
from torch import Tensor

from .bert4rec import BERT4Rec, BERT4RecConfig
from .encoder import Encoder, EncoderConfig
from .esasrec import ESASRec, ESASRecConfig
from .gru4rec import GRU4Rec, GRU4RecConfig
from .sasrec import SASRec, SASRecConfig

ARCHITECTURES: dict[str, tuple[type[Any], type[Encoder]]] = {
    SASRec.architecture: (SASRecConfig, SASRec),
    ESASRec.architecture: (ESASRecConfig, ESASRec),
    GRU4Rec.architecture: (GRU4RecConfig, GRU4Rec),
    BERT4Rec.architecture: (BERT4RecConfig, BERT4Rec),
}
"""Name -> (frozen dataclass of its sizes, encoder)."""


def make_config(architecture: str, sizes: Mapping[str, Any]) -> EncoderConfig:
    """Give the sizes of an architecture; `sizes` must name `items`.

    Raises:
        ValueError: no such architecture or size, or sizes that cannot be built.
    """
    kind, _ = _found(architecture)
    known = {field.name for field in fields(kind)}
    if strange := sorted(set(sizes) - known):
        raise ValueError(
            f"{architecture} has no {', '.join(strange)}; its sizes are {', '.join(sorted(known))}"
        )
    try:
        config: EncoderConfig = msgspec.convert(dict(sizes), kind)
    except msgspec.ValidationError as err:
        raise ValueError(f"{architecture}: {err}") from err
    return config


def make_encoder(config: EncoderConfig, features: Tensor | None = None) -> Encoder:
    """Build the encoder that a config describes, with fresh weights.

    `features` (N + 1, F) are what an encoder that reads content knows of tracks.

    Raises:
        ValueError: features for an encoder that reads none, or such as do not fit.
    """
    if features is not None:
        if not isinstance(config, GRU4RecConfig):
            raise ValueError(f"{type(config).__name__} reads no content features, got some")
        return GRU4Rec(config, features)
    for kind, encoder in ARCHITECTURES.values():
        if type(config) is kind:
            return encoder(config)
    raise TypeError(f"{type(config).__name__} configures no encoder: expected one of {_names()}")


def _found(architecture: str) -> tuple[type[Any], type[Encoder]]:
    if architecture not in ARCHITECTURES:
        raise ValueError(f"architecture {architecture!r}, expected one of {_names()}")
    return ARCHITECTURES[architecture]


def _names() -> str:
    return ", ".join(ARCHITECTURES)
