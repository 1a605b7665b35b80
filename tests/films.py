"""RecBole's two files of films, for tests: 150 films of two kinds, which nobody mixes."""

from pathlib import Path

import numpy as np


def write_films(folder: Path) -> str:
    """Write `ml-100k.inter` and `ml-100k.item`; gives what `--data` takes."""
    rng = np.random.default_rng(0)
    lines = ["user_id:token\titem_id:token\trating:float\ttimestamp:float"]
    for user in range(60):
        seen = rng.permutation(75)[:12] + 75 * (user % 2)
        lines += [f"{user}\t{item}\t4\t{second}" for second, item in enumerate(seen.tolist())]
    (folder / "ml-100k.inter").write_text("\n".join(lines) + "\n", encoding="utf-8")
    titles = ["item_id:token\tmovie_title:token_seq\trelease_year:token"]
    titles += [
        f"{i}\t{'Quiet' if i < 75 else 'Loud'} Film {i}\t{1900 + i % 75}" for i in range(150)
    ]
    (folder / "ml-100k.item").write_text("\n".join(titles) + "\n", encoding="utf-8")
    return f"ml-100k:{folder}"
