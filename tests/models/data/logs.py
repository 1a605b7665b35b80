"""Made MSSD session logs and track features, in the form of the published files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

HEADER = (
    "session_id,session_position,session_length,track_id_clean,skip_1,skip_2,skip_3,not_skipped,"
    "context_switch,no_pause_before_play,short_pause_before_play,long_pause_before_play,"
    "hist_user_behavior_n_seekfwd,hist_user_behavior_n_seekback,hist_user_behavior_is_shuffle,"
    "hour_of_day,date,premium,context_type,hist_user_behavior_reason_start,"
    "hist_user_behavior_reason_end"
)
FLAGS = {  # the published flags of each outcome code
    1: "false,false,false,true",
    2: "false,false,true,false",
    3: "false,true,true,false",
    4: "true,true,true,false",
}

Played = Sequence[tuple[str, int]]


def row(session_id: str, position: int, length: int, track_id: str, outcome: int = 1) -> str:
    """One line of a log, without its end."""
    return (
        f"{session_id},{position},{length},{track_id},{FLAGS[outcome]},0,1,0,0,0,0,true,"
        f"16,2018-07-15,true,editorial_playlist,trackdone,fwdbtn"
    )


def rows(sessions: Iterable[tuple[str, Played]]) -> list[str]:
    """The lines of whole sessions."""
    return [
        row(name, position, len(played), track_id, outcome)
        for name, played in sessions
        for position, (track_id, outcome) in enumerate(played, start=1)
    ]


def write_log(path: Path, lines: Iterable[str]) -> Path:
    """Write a log with its header."""
    path.write_text("\n".join([HEADER, *lines]) + "\n")
    return path


def features_header(vectors: int = 8) -> str:
    """The header of a tf_*.csv file."""
    return (
        "track_id,duration,release_year,us_popularity_estimate,acousticness,beat_strength,"
        "bounciness,danceability,dyn_range_mean,energy,flatness,instrumentalness,key,liveness,"
        "loudness,mechanism,mode,organism,speechiness,tempo,time_signature,valence,"
    ) + ",".join(f"acoustic_vector_{i}" for i in range(vectors))


def features_row(track_id: str, mode: str = "major") -> str:
    """One line of a tf_*.csv file."""
    return (
        f"{track_id},109.706673,1950,99.975414,0.45804,0.519497,0.504949,0.399767,7.51188,0.817709,"
        f"0.903753,0.903172e-1,1,0.15,-10.2,0.62,{mode},0.38,0.05,120.5,4,0.93,"
        "-0.815775,0.386409,0.23016,0.028028,-0.333373,0.015452,-0.35359,0.205826"
    )
