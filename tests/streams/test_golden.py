import pytest

from streams.bundle import BundleError
from streams.manifest import decode_manifest
from streams.scoring import load_scorer
from streams.settings import ScoringSettings
from tests.bundles import TRACKS, counts_files, network_files, place, signed


def test_an_answer_that_is_not_the_golden_one_is_refused(tmp_path):
    files = network_files()
    golden = decode_manifest(files["manifest.json"]).golden
    other = decode_manifest(counts_files(TRACKS)["manifest.json"]).golden
    place(signed(files, golden=(golden[0], other[1])), tmp_path)
    with pytest.raises(BundleError, match="fails a golden question"):
        load_scorer(tmp_path, ScoringSettings())


def test_a_bundle_without_golden_answers_is_refused(tmp_path):
    place(signed(network_files(), golden=()), tmp_path)
    with pytest.raises(BundleError, match="no golden answers"):
        load_scorer(tmp_path, ScoringSettings())
