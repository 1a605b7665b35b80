"""Content features: standardised, in the catalog's order, and refused where they are no numbers."""

import numpy as np
import polars as pl
import pytest
import torch

from models.encoders.content import read_features, standardised


def test_columns_have_mean_0_and_deviation_1_and_padding_is_0():
    values = np.array([[1.0, 10.0, 5.0], [3.0, 30.0, 5.0]])
    assert standardised(values).tolist() == [[0, 0, 0], [-1, -1, 0], [1, 1, 0]]


def test_nan_is_refused_and_named():
    with pytest.raises(ValueError, match="feature 1 of item 2 is nan"):
        standardised(np.array([[1.0, 2.0], [3.0, np.nan]]))
    with pytest.raises(ValueError, match="none of them 0"):
        standardised(np.zeros((0, 3)))


def test_features_are_read_in_the_catalogs_order_and_what_is_missing_is_the_mean(tmp_path):
    file = tmp_path / "features.parquet"
    pl.DataFrame(
        {
            "track_id": ["b", "a", "elsewhere"],
            "tempo": [120.0, 80.0, 999.0],
            "mode": ["major", "minor", "minor"],
            "title": ["x", "y", "z"],
            "loudness": [None, -7.0, 0.0],
        }
    ).write_parquet(file)
    features = read_features(file, ["a", "b", "unknown"])
    assert features.shape == (4, 3)  # padding and three tracks; tempo, mode, loudness
    torch.testing.assert_close(features[:, 0], torch.tensor([0, -1, 1, 0]) * 1.5**0.5)
    torch.testing.assert_close(features[:, 1], torch.tensor([0, -1, 1, 0]) * 1.5**0.5)
    assert features[:, 2].tolist() == [0, 0, 0, 0]
    with pytest.raises(ValueError, match="knows none of the 1 tracks"):
        read_features(file, ["q"])
    pl.DataFrame({"a": [1]}).write_parquet(file)
    with pytest.raises(ValueError, match="expected track_id"):
        read_features(file, ["a"])
