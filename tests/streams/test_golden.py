import pytest

from streams.bundle import BundleError
from streams.manifest import Golden, decode_manifest
from streams.scoring import load_scorer
from streams.settings import ScoringSettings
from tests.bundles import TRACKS, counts_files, network_files, place, signed

Answer = tuple[tuple[str, float], ...]


def test_an_answer_that_is_not_the_golden_one_is_refused(tmp_path):
    files = network_files()
    golden = decode_manifest(files["manifest.json"]).golden
    other = decode_manifest(counts_files(TRACKS)["manifest.json"]).golden
    place(signed(files, golden=(golden[0], other[1])), tmp_path)
    with pytest.raises(BundleError, match="fails a golden question"):
        load_scorer(tmp_path, ScoringSettings())


def one_track_more(answer: Answer) -> Answer:
    """A track now stands above the recorded ones, whose own scores are as they were."""
    return answer[1:]


def two_tracks_exchanged(answer: Answer) -> Answer:
    """The scores by rank are as they were, but of other tracks."""
    (first, high), (second, low), *rest = answer
    return ((second, high), (first, low), *rest)


def another_track(answer: Answer) -> Answer:
    return (*answer[:-1], ("gone", answer[-1][1]))


def scores_a_little_off(answer: Answer) -> Answer:
    return tuple((track, score + 0.01 * abs(score) + 0.01) for track, score in answer)


@pytest.mark.parametrize(
    "change", [one_track_more, two_tracks_exchanged, another_track, scores_a_little_off]
)
def test_any_difference_from_the_golden_answer_is_refused(change, tmp_path):
    files = network_files()
    golden = list(decode_manifest(files["manifest.json"]).golden)
    golden[3] = Golden(history=golden[3].history, answer=change(golden[3].answer))
    place(signed(files, golden=tuple(golden)), tmp_path)
    with pytest.raises(BundleError, match="fails a golden question"):
        load_scorer(tmp_path, ScoringSettings())


def test_differences_of_rounding_are_allowed(tmp_path):
    files = network_files()
    golden = tuple(
        Golden(
            history=question.history,
            answer=tuple((track, score + 1e-4) for track, score in question.answer),
        )
        for question in decode_manifest(files["manifest.json"]).golden
    )
    load_scorer(place(signed(files, golden=golden), tmp_path), ScoringSettings())


def test_a_bundle_without_golden_answers_is_refused(tmp_path):
    place(signed(network_files(), golden=()), tmp_path)
    with pytest.raises(BundleError, match="no golden answers"):
        load_scorer(tmp_path, ScoringSettings())
