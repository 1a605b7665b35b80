"""The parameters of simulated listeners: how many, what there is to hear, and how they choose."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Listeners:
    """Parameters of the simulation; a share or probability is between 0 and 1."""

    sessions: int = 6000  # sessions, in order of time
    tracks: int = 2000  # catalog size, the tracks that appear later included
    moods: int = 16  # regions of taste; a session is in one at a time
    playlists: int = 80  # each of 20 to 50 tracks
    epochs: int = 8  # periods of equal length; playlists and releases change between them
    days: float = 28.0  # days the data spans
    popularity_exponent: float = 1.3  # Zipf exponent of artists and of playlists
    median_duration_s: float = 210.0  # seconds, log-normal with sigma .25
    min_length: int = 10  # tracks of a session, at least
    max_length: int = 20  # tracks of a session, at most; uniform between
    album_share: float = 0.3  # of what is picked: an album, in order
    shuffle_share: float = 0.15  # of what is picked: a playlist, shuffled
    radio_share: float = (
        0.1  # of what is picked: a walk to similar tracks; the rest: playlist in order
    )
    radio_width: int = 15  # similar tracks that a radio chooses among
    jump: float = 0.06  # probability of passing over one track in an ordered album or playlist
    pushed_share: float = 0.0  # of all plays: a track the service pushes, whatever the mood is
    pushed_tracks: int = 40  # of the catalog: are pushed, all equally often
    repeat: float = 0.08  # probability of going back to a track already heard in the session
    leave: float = 0.03  # probability of picking something else after any track
    leave_after_skip: float = 0.1  # the same after a track skipped at once or early
    mood_drift: float = 0.04  # probability, before each track, of a new mood and so of a new pick
    skip_base: float = -2.2  # log-odds of a skip for a perfect fit at the first position
    skip_misfit: float = 5.5  # added to them for the worst misfit of mood and track
    skip_late: float = 0.8  # added to them at position 20, in proportion before
    new_share: float = 0.2  # of the albums: appear during the simulated time
    new_boost: float = 3.0  # extra popularity of an album just out, falling over two epochs
    playlist_refresh: float = 0.1  # of each playlist: replaced from epoch to epoch
    trend: float = 0.8  # how far the popularity of moods moves, standard deviation of log-odds

    def __post_init__(self) -> None:
        for name in (
            "sessions",
            "tracks",
            "moods",
            "playlists",
            "epochs",
            "min_length",
            "radio_width",
            "pushed_tracks",
        ):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")
        if self.tracks < 100:
            raise ValueError(f"tracks must be 100 or more to fill playlists, got {self.tracks}")
        if self.max_length < self.min_length:
            raise ValueError(f"max_length {self.max_length} is below min_length {self.min_length}")
        for name in (
            "album_share", "shuffle_share", "radio_share", "jump", "repeat", "leave",
            "leave_after_skip", "mood_drift", "new_share", "playlist_refresh", "pushed_share",
        ):  # fmt: skip
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} must be between 0 and 1, got {getattr(self, name)}")
        if self.album_share + self.shuffle_share + self.radio_share > 1:
            raise ValueError("album_share + shuffle_share + radio_share must be at most 1")
