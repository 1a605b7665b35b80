"""Track embeddings for tests: a factorisation of what stands near what, in a moment."""

import numpy as np
import scipy.sparse
import scipy.sparse.linalg

from models.finetuning.newcomers import neighbour_pairs
from models.items.track_embeddings import TrackEmbeddings
from models.sessions import Sessions


def factorised(sessions: Sessions, width: int, **about: object) -> TrackEmbeddings:
    """Truncated SVD of the positive pointwise mutual information of neighbours."""
    left, right = neighbour_pairs(sessions)
    size = sessions.n_items
    shape = (size, size)
    near = scipy.sparse.coo_matrix((np.ones(len(left)), (left - 1, right - 1)), shape).tocsr()
    near.sum_duplicates()
    near = near.tocoo()
    plays = np.asarray(near.sum(axis=1)).ravel()
    information = np.log(near.data * plays.sum() / (plays[near.row] * plays[near.col]))
    kept = information > 0
    table = scipy.sparse.csr_matrix((information[kept], (near.row[kept], near.col[kept])), shape)
    start = np.random.default_rng(0).standard_normal(size)
    left_vectors, values, _ = scipy.sparse.linalg.svds(table, k=width, v0=start)
    matrix = (left_vectors * np.sqrt(values)).astype(np.float32)
    return TrackEmbeddings(sessions.track_ids, matrix, {"model": "ppmi", **about})
