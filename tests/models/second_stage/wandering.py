"""Sessions in which there is something to learn that no first stage knows."""

import numpy as np

from models.sessions import Sessions, packed


def wandering(count: int, seed: int) -> Sessions:
    """Every third track is the one before the last again: popularity cannot know that."""
    rng = np.random.default_rng(seed)
    sessions = []
    for i in range(count):
        tracks: list[int] = []
        for j in range(12):
            tracks.append(tracks[-2] if j % 3 == 2 else int(rng.integers(30)))
        sessions.append((f"{seed}-{i}", [(f"t{t:02}", int(rng.choice([1, 4]))) for t in tracks]))
    return packed(sessions, [f"t{t:02}" for t in range(30)])
