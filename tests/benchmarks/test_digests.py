"""A digest depends on each part and where it ends, and code on its content."""

from benchmarks.digests import code_digest, digest


def test_parts_are_told_apart():
    assert digest([b"ab", b"c"]) != digest([b"a", b"bc"])
    assert digest([b"ab"]) == digest([b"ab"])


def test_code_is_named_by_what_the_patterns_find():
    some = code_digest(["models/graphs/*.py"])
    assert some == code_digest(["models/graphs/*.py"])
    assert some != code_digest(["models/graphs/a*.py"])
    assert len(some) == 16
