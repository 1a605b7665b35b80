"""What a second stage is told is what its definition says, of each candidate and in any company."""

import math
from typing import NamedTuple

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from models.counting.ngrams import continuations
from models.sessions import packed
from streams.candidates import CONTEXT, FEATURES, Describer, below
from streams.continuations import LAGS, SHARES
from streams.packing import packed as windows

LENGTH = 7
RNG = np.random.default_rng(0)
TRAIN = packed(
    [
        (f"s{i}", [(f"t{RNG.integers(12)}", int(RNG.integers(5))) for _ in range(9)])
        for i in range(9)
    ]
)
SIZE = TRAIN.n_items + 1
SKIPS = RNG.normal(size=SIZE).astype(np.float32)
CONTINUED = continuations(TRAIN, 99)
DESCRIBER = Describer(CONTINUED, TRAIN.counts(), SKIPS)
IN_SESSION = 3 + SHARES  # the first feature of what a candidate was in the session
SESSIONS = st.lists(
    st.tuples(st.integers(1, TRAIN.n_items), st.integers(0, 4)), min_size=1, max_size=LENGTH
)


class Asked(NamedTuple):
    """A session, and candidates of it with falling scores."""

    session: list[tuple[int, int]]
    candidates: list[int]

    def told(self) -> tuple[np.ndarray, np.ndarray]:
        scores = -np.arange(len(self.candidates), dtype=np.float32)[None]
        found = DESCRIBER.describe(
            scores, np.array([self.candidates]), **windows([self.session], LENGTH)
        )
        return found.features[0], found.context[0]


@given(SESSIONS, st.permutations(range(1, SIZE)))
def test_it_is_what_the_definition_says(session, order):
    features, context = Asked(session, order[:8]).told()
    assert features.shape == (8, FEATURES)
    assert context.shape == (CONTEXT,)
    items = [item for item, _ in session]
    plays = TRAIN.counts()
    for rank, (item, row) in enumerate(zip(order, features, strict=False)):
        own = [-rank, math.log1p(plays[item]), SKIPS[item]]
        np.testing.assert_allclose(row[:3], own, rtol=1e-5)
        there, back, times, *ended = row[IN_SESSION:].tolist()
        assert (there, times) == (item in items, items.count(item))
        if not there:
            assert not any([back, *ended])
            continue
        last = len(items) - 1 - items[::-1].index(item)
        assert back == np.float32(1 / (len(items) - last))
        assert ended == [float(session[last][1] == outcome) for outcome in range(1, 5)]
    outcomes = [outcome for _, outcome in session]
    skipped, known = sum(o >= 3 for o in outcomes), sum(o > 0 for o in outcomes)
    of_session = [
        math.log(len(items)), 1 - len(set(items)) / len(items), (skipped + 0.5) / (known + 1),
        *[float(outcomes[-1] == outcome) for outcome in range(1, 5)],
    ]  # fmt: skip
    np.testing.assert_allclose(context, of_session, rtol=1e-5)


@given(SESSIONS)
def test_shares_are_those_of_the_continuations(session):
    features, _ = Asked(session, list(range(1, SIZE))).told()
    after = CONTINUED.after(*(windows([session], LENGTH)[name] for name in ("items", "lengths")))
    sums = np.zeros((SIZE, SHARES))
    np.add.at(sums, (after.item, after.kind), after.share)
    wanted = np.log1p(sums[1:] / 1e-3)
    np.testing.assert_allclose(features[:, 3:IN_SESSION], wanted, rtol=1e-5)
    if len(session) == 1:
        assert not features[:, 4 : 3 + LAGS].any()  # nothing stood further back


@given(st.lists(SESSIONS, min_size=2, max_size=5))
def test_no_company_changes_it(sessions):
    rng = np.random.default_rng(len(sessions))
    candidates = np.array([rng.permutation(np.arange(1, SIZE))[:6] for _ in sessions])
    scores = -np.sort(rng.random((len(sessions), 6)).astype(np.float32))
    together = DESCRIBER.describe(scores, candidates, **windows(sessions, LENGTH))
    for row, session in enumerate(sessions):
        one = slice(row, row + 1)
        alone = DESCRIBER.describe(scores[one], candidates[one], **windows([session], LENGTH))
        assert np.array_equal(alone.features[0], together.features[row])
        assert np.array_equal(alone.context[0], together.context[row])


def test_what_is_no_candidate_spoils_nothing():
    scores = np.array([[2, 1, -np.inf], [-np.inf, -np.inf, -np.inf]], np.float32)
    assert below(scores).tolist() == [[0, -1, 0], [0, 0, 0]]
    candidates = np.array([[3, 4, 0], [0, 1, 2]])
    told = DESCRIBER.describe(scores, candidates, **windows([[(3, 1)], [(1, 4)]], LENGTH))
    assert np.isfinite(told.features).all()
