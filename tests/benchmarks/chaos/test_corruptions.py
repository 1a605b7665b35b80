"""The damaged bundles of a run: each kind, the same for the same seed, and truly damaged."""

import random

import pytest

from benchmarks.chaos.corruptions import KINDS, at_random, each_kind
from benchmarks.chaos.damage import MANIFEST, slower
from streams.manifest import decode_manifest
from tests.bundles import network_files


def test_there_are_twelve_kinds_and_one_of_each_comes_first():
    files = network_files()
    kinds = [d.kind for d in each_kind(random.Random(0), files, lambda: slower(files, 2))]
    assert kinds == list(KINDS)
    assert len(set(kinds)) == 12


def test_the_same_seed_makes_the_same_damage():
    files = network_files()
    first, again, other = (
        [d.files for d in at_random(random.Random(seed), files, 40)] for seed in (1, 1, 2)
    )
    assert first == again
    assert first != other


@pytest.mark.parametrize("seed", range(3))
def test_damage_changes_bytes_of_every_file_and_a_signed_manifest_fits_them(seed):
    files = network_files()
    touched = set()
    for damage in at_random(random.Random(seed), files, 120):
        changed = {name for name in files if damage.files[name] != files[name]}
        touched |= changed - ({MANIFEST} if damage.signed and len(changed) > 1 else set())
        if damage.signed and damage.kind != "other_claims":
            records = decode_manifest(damage.files[MANIFEST]).files
            sizes = {n: len(r) for n, r in damage.files.items() if n != MANIFEST}
            assert {name: record.size for name, record in records.items()} == sizes
    assert touched == set(files)
