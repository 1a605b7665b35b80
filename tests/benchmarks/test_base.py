"""What the demo starts from: unseen sessions in the stream, and a key that tells a change."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmarks.demo import divide
from benchmarks.demo.base import Choices, _key, _tidy
from models.data.sources import open_source
from models.sessions import Sessions
from models.split import Split

SPEC = "simulated:sessions=120,tracks=100,seed=4"


@pytest.fixture(scope="module")
def split(tmp_path_factory):
    """A divided data set: what was learned from, and what the stream holds."""
    return divided(tmp_path_factory.mktemp("divided"), in_order=False)


@pytest.fixture(scope="module")
def in_order(tmp_path_factory):
    """The same, divided in the order of the data set."""
    return divided(tmp_path_factory.mktemp("in-order"), in_order=True)


def divided(folder: Path, *, in_order: bool) -> SimpleNamespace:
    divide.sessions(SPEC, folder / "data")
    source = open_source(f"parquet:{folder / 'data'}")
    made = Split(
        data=source.name,
        simulated=True,
        sessions=len(source.load()),
        seed=7,
        train_fraction=0.5,
        in_order=in_order,
    )
    manifest = SimpleNamespace(training={"split": made.record()}, version="1")
    with pytest.MonkeyPatch.context() as patch:
        (folder / "manifest.json").write_bytes(b"")
        patch.setattr(divide, "decode_manifest", lambda raw: manifest)
        for name in ("stream", "again"):
            divide.unseen(folder / "data", folder, folder / name, seed=1)
    return SimpleNamespace(folder=folder, parts=made.parts(source.load()), source=source)


def sessions_of(split: SimpleNamespace, name: str) -> Sessions:
    return open_source(f"parquet:{split.folder / name}").load()


def test_the_stream_holds_no_session_that_trained_or_validated(split):
    streamed = set(sessions_of(split, "stream").session_ids)
    learned = set(split.parts.train.session_ids) | set(split.parts.valid.session_ids)
    assert not streamed & learned
    assert streamed | learned == set(split.source.load().session_ids)


def test_sessions_keep_their_tracks_on_the_way_into_the_stream(split):
    whole, streamed = split.source.load(), sessions_of(split, "stream")
    for number, name in enumerate(streamed.session_ids):
        original = whole.session_ids.index(name)
        assert streamed.occurrences(number) == whole.occurrences(original)


def test_one_seed_gives_one_order_and_it_is_not_the_datas(split):
    streamed = sessions_of(split, "stream").session_ids
    assert streamed == sessions_of(split, "again").session_ids
    assert list(streamed) != sorted(streamed)


def test_a_stream_in_order_goes_on_where_validation_ended(in_order):
    whole, streamed = in_order.source.load(), sessions_of(in_order, "stream")
    assert streamed.session_ids == whole.session_ids[-len(streamed) :]
    assert len(streamed) == round(0.5 * len(whole))


def test_what_is_simulated_is_called_so_in_the_stream(split):
    source = open_source(f"parquet:{split.folder / 'stream'}")
    assert (source.name, source.simulated) == ("simulated", True)


def test_other_choices_have_another_key():
    keys = [_key(SPEC, Choices()), _key(SPEC, Choices(seed=1)), _key(SPEC, Choices(epochs=1))]
    assert len({*keys, _key("simulated", Choices())}) == 4
    assert _key(SPEC, Choices()) == keys[0]


def test_data_that_changed_has_another_key(tmp_path):
    data = tmp_path / "sessions.csv"
    data.write_text("one")
    before = _key(f"mssd:{tmp_path}", Choices())
    assert _key(f"mssd:{tmp_path}", Choices()) == before
    data.write_text("another")
    assert _key(f"mssd:{tmp_path}", Choices()) != before


def test_only_a_few_bases_stay(tmp_path):
    for number in range(7):
        (tmp_path / str(number)).mkdir()
    _tidy(tmp_path, tmp_path / "new")
    assert len(list(tmp_path.iterdir())) == 4
