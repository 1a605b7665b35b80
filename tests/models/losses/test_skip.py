"""The skip-contrastive loss against its definition, written out anchor by anchor."""

import math

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from models.losses.skip import next_true, skip_contrastive

D = 4


def gradient(loss: Tensor, of: Tensor) -> Tensor:
    return torch.autograd.grad(loss, of)[0]


def test_next_true_is_the_first_later_one():
    flags = torch.tensor([[True, False, True, False], [False, False, False, True]])
    assert next_true(flags).tolist() == [[2, 2, 4, 4], [3, 3, 3, 4]]


def cosine(a: Tensor, b: Tensor) -> float:
    return float(F.cosine_similarity(a, b, dim=0))


def contrastive_by_hand(
    context: Tensor,
    embeddings: Tensor,
    items: Tensor,
    outcomes: Tensor,
    noise_codes: tuple[int, ...],
    tau: float,
    own: bool,
) -> float | None:
    """The definition, anchor by anchor; None where no anchor is asked."""
    terms = []
    for b in range(len(items)):
        seen = [(int(i), int(o)) for i, o in zip(items[b], outcomes[b], strict=True)]
        noise = [k for k, (item, out) in enumerate(seen) if item and out in noise_codes]
        heard = [k for k, (item, out) in enumerate(seen) if item and out and out not in noise_codes]
        for i in range(context.shape[1]):
            later = [k for k in heard if k > i]
            if not seen[i][0] or not later:
                continue
            m = later[0]
            rivals = [k for k in noise if seen[k][0] != seen[m][0]]
            rivals = [k for k in rivals if not (own and seen[k][0] == seen[i][0])]
            if not rivals:
                continue
            f = [math.exp(cosine(context[b, i], embeddings[b, k]) / tau) for k in [m, *rivals]]
            terms.append(-math.log(f[0] / sum(f)))
    return sum(terms) / len(terms) if terms else None


occurrences = st.lists(st.tuples(st.integers(1, 5), st.integers(0, 4)), min_size=1, max_size=6)


@given(
    st.lists(occurrences, min_size=1, max_size=3),
    st.sampled_from([(4,), (4, 3), (4, 3, 2)]),
    st.sampled_from([0.1, 1.0]),
    st.booleans(),
)
def test_skip_contrastive_is_its_definition(sessions, codes, tau, own):
    items = torch.zeros(len(sessions), 6, dtype=torch.int64)
    outcomes = torch.zeros_like(items)
    for b, session in enumerate(sessions):
        items[b, : len(session)] = torch.tensor([item for item, _ in session])
        outcomes[b, : len(session)] = torch.tensor([outcome for _, outcome in session])
    g = torch.Generator().manual_seed(1)
    embeddings = torch.randn(6, D, generator=g)[items]
    context = embeddings[:, :5] if own else torch.randn(len(sessions), 5, D, generator=g)
    found = skip_contrastive(context, embeddings, items, outcomes, codes, tau, own_context=own)
    wanted = contrastive_by_hand(context, embeddings, items, outcomes, codes, tau, own)
    assert float(found) == pytest.approx(0.0 if wanted is None else wanted, abs=1e-4, rel=1e-4)


def test_anchors_that_are_not_counted_add_nothing():
    context, embeddings, items, outcomes = (part.detach() for part in one_session([1, 4, 1, 4, 1]))
    counted = torch.zeros(items.shape, dtype=torch.bool)[:, : context.shape[1]]
    assert skip_contrastive(context, embeddings, items, outcomes, (4, 3), counted=counted) == 0
    counted[0, 2] = True
    alone = skip_contrastive(context, embeddings, items, outcomes, (4, 3), counted=counted)
    others = context.clone()
    others[:, [0, 1, 3]] += 1
    again = skip_contrastive(others, embeddings, items, outcomes, (4, 3), counted=counted)
    assert float(alone) == pytest.approx(float(again))
    assert float(alone) > 0


def test_the_length_of_a_vector_counts_by_the_inner_product_and_not_by_the_cosine():
    context, embeddings, items, outcomes = (part.detach() for part in one_session([1, 4, 1]))

    def loss(scale: float, dot: bool) -> float:
        return float(
            skip_contrastive(context * scale, embeddings, items, outcomes, (4, 3), dot=dot)
        )

    assert loss(3, dot=False) == pytest.approx(loss(1, dot=False), abs=1e-5)
    anchor, skipped, heard = context[0, 0], embeddings[0, 1], embeddings[0, 2]
    logits = torch.stack([anchor @ heard, anchor @ skipped])
    second = torch.stack([context[0, 1] @ heard, context[0, 1] @ skipped])
    expected = F.cross_entropy(3 * torch.stack([logits, second]), torch.tensor([0, 0]))
    assert loss(3, dot=True) == pytest.approx(float(expected), rel=1e-5)


def one_session(outcomes: list[int]):
    items = torch.tensor([list(range(1, len(outcomes) + 1))])
    embeddings = torch.randn(
        1, len(outcomes), D, generator=torch.Generator().manual_seed(2)
    ).requires_grad_()
    context = torch.randn(
        1, len(outcomes) - 1, D, generator=torch.Generator().manual_seed(3)
    ).requires_grad_()
    return context, embeddings, items, torch.tensor([outcomes])


def test_a_session_without_skips_adds_nothing():
    context, embeddings, items, outcomes = one_session([1, 1, 2, 1])
    loss = skip_contrastive(context, embeddings, items, outcomes, (4, 3))
    assert loss == 0
    assert gradient(loss, context).abs().sum() == 0


def test_noise_is_of_the_same_session_only():
    context, embeddings, items, outcomes = one_session([1, 4, 1])
    calm = [part.detach().clone() for part in one_session([1, 1, 1])]
    calm[2] = calm[2] + 3
    both = skip_contrastive(
        torch.cat([context, calm[0]]),
        torch.cat([embeddings, 100 * calm[1]]),
        torch.cat([items, calm[2]]),
        torch.cat([outcomes, calm[3]]),
        (4, 3),
    )
    alone = skip_contrastive(context, embeddings, items, outcomes, (4, 3))
    torch.testing.assert_close(both, alone)


def test_an_unknown_outcome_is_neither_positive_nor_noise():
    context, embeddings, items, outcomes = one_session([1, 0, 4, 1])
    slope = gradient(skip_contrastive(context, embeddings, items, outcomes, (4, 3)), embeddings)
    assert slope[0, 1].abs().sum() == 0
    assert slope[0, 2].abs().sum() > 0


def test_descent_draws_the_heard_track_near_and_drives_the_skipped_one_away():
    context, embeddings, items, outcomes = one_session([1, 4, 1])
    slope = gradient(skip_contrastive(context, embeddings, items, outcomes, (4, 3)), embeddings)
    moved = embeddings.detach() - 0.1 * slope
    anchor = context[0, 0].detach()
    assert cosine(anchor, moved[0, 2]) > cosine(anchor, embeddings[0, 2].detach())
    assert cosine(anchor, moved[0, 1]) < cosine(anchor, embeddings[0, 1].detach())
