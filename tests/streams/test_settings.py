from pathlib import Path

import pytest

from streams.settings import ConfigError, load_settings


@pytest.fixture(autouse=True)
def empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_flag_beats_the_environment_which_beats_the_file(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (empty_folder / "segue.toml").write_text(
        '[kafka]\nbootstrap = "file:1"\n[topics]\nprefix = "file."\n[worker]\ngroup = "file"\n'
    )
    monkeypatch.setenv("SEGUE_KAFKA__BOOTSTRAP", "environment:1")
    monkeypatch.setenv("SEGUE_WORKER__GROUP", "environment")
    settings = load_settings(kafka={"bootstrap": "flag:1"})
    assert settings.kafka.bootstrap == "flag:1"
    assert settings.worker.group == "environment"
    assert settings.topics.prefix == "file."


def test_a_flag_that_was_not_given_changes_nothing() -> None:
    assert load_settings(kafka={"bootstrap": None}) == load_settings()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[kafka]\nbotstrap = "x:1"\n', "kafka.botstrap"),
        ("[topics]\npartitions = 0\n", "topics.partitions"),
        ("[worker]\nmax_wait_ms = 50\n", "worker.max_wait_ms"),
        ('[scoring]\nprovider = "tpu"\n', "scoring.provider"),
        ("[nothing]\nat = 1\n", "nothing"),
    ],
)
def test_an_unknown_key_or_a_bad_value_is_refused_by_name(
    empty_folder: Path, text: str, named: str
) -> None:
    (empty_folder / "segue.toml").write_text(text)
    with pytest.raises(ConfigError, match=f"setting {named}"):
        load_settings()


def test_settings_are_frozen() -> None:
    with pytest.raises(ValueError, match="frozen"):
        load_settings().worker.group = "other"
