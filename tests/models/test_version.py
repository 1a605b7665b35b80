"""Where a bundle is written says its version."""

import pytest

from models.version import version_for


@pytest.mark.parametrize(
    ("place", "version"),
    [("registry/sasrec/v1", "v1"), ("registry/other/v1", None), ("v1", None)],
)
def test_a_folder_of_the_registry_says_the_version(tmp_path, place, version):
    assert version_for(tmp_path / place, "sasrec") == version


def test_a_folder_that_cannot_be_a_version_is_refused_before_training(tmp_path):
    with pytest.raises(ValueError, match="version 'v 1': expected 1 to 64"):
        version_for(tmp_path / "sasrec" / "v 1", "sasrec")
