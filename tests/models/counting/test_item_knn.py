"""The cosine of two tracks' sessions, as the plain definition says."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.counting.item_knn import ItemKnn, ItemKnnConfig
from models.sessions import Sessions
from tests.strategies import sessions

from ..asking import agree

CONFIGS = st.builds(
    ItemKnnConfig,
    regularisation=st.sampled_from([0.0, 3.0, 20.0]),
    alpha=st.sampled_from([0.0, 0.3, 0.5, 1.0]),
)


def plain(train: Sessions, config: ItemKnnConfig, newest: int) -> dict[int, float]:
    holders = {
        item: {i for i in range(len(train)) if item in train.session(i)[0]}
        for item in range(1, train.n_items + 1)
    }
    own = len(holders[newest]) + config.regularisation
    return {
        item: len(holders[newest] & found)
        / (own**config.alpha * (len(found) + config.regularisation) ** (1 - config.alpha))
        for item, found in holders.items()
        if item != newest and found
    }


@given(sessions(min_size=1), CONFIGS)
def test_scores_are_those_of_the_plain_definition(train, config):
    agree(ItemKnn.fit(train, config), train, lambda history: plain(train, config, history[-1]))


@pytest.mark.parametrize("wrong", [{"regularisation": -1}, {"alpha": 1.1}])
def test_what_is_no_similarity_is_refused(wrong):
    with pytest.raises(ValueError, match="regularisation must be"):
        ItemKnnConfig(**wrong)
