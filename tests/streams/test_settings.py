import traceback
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


SCRAM = 'security_protocol = "SASL_SSL"\nusername = "alice"\n'


def test_a_connection_is_made_of_the_settings(empty_folder: Path) -> None:
    (empty_folder / "secret").write_text("hunter2\n")
    (empty_folder / "segue.toml").write_text(
        f'[kafka]\nbootstrap = "b:1"\n{SCRAM}password_file = "secret"\nca_file = "ca.pem"\n'
    )
    to = load_settings().kafka.connection
    assert (to.bootstrap, to.protocol, to.mechanism) == ("b:1", "SASL_SSL", "SCRAM-SHA-512")
    assert (to.username, to.secret, to.ca_file) == ("alice", "hunter2", Path("ca.pem"))
    assert to.check_hostname


def test_a_password_can_come_by_the_environment(
    empty_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SEGUE_KAFKA__PASSWORD", "hunter2")
    (empty_folder / "segue.toml").write_text(f"[kafka]\n{SCRAM}")
    settings = load_settings()
    assert settings.kafka.connection.secret == "hunter2"
    assert "hunter2" not in f"{settings} {settings!r} {settings.model_dump_json()}"


def test_a_password_file_that_cannot_be_used_is_named(empty_folder: Path) -> None:
    (empty_folder / "segue.toml").write_text(f'[kafka]\n{SCRAM}password_file = "secret"\n')
    with pytest.raises(ConfigError, match=r"kafka\.password_file: secret cannot be read"):
        _ = load_settings().kafka.connection
    (empty_folder / "secret").write_text("\n")
    with pytest.raises(ConfigError, match="secret is empty"):
        _ = load_settings().kafka.connection


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('security_protocol = "SASL_SSL"', "needs username and one of"),
        (SCRAM, "needs username and one of"),
        (f'{SCRAM}password = "hunter2"\npassword_file = "f"', "needs username and one of"),
        (f'{SCRAM.replace("SSL", "PLAINTEXT")}password = "hunter2"', "set allow_plaintext_sasl"),
        (
            f'{SCRAM.replace("SSL", "PLAINTEXT")}password = "hunter2"\n'
            'allow_plaintext_sasl = true\nsasl_mechanism = "PLAIN"',
            "PLAIN sends the password itself",
        ),
        ('password = "hunter2"', "uses no username and password"),
        ('ca_file = "ca.pem"', "uses no certificates"),
        ("check_hostname = false", "uses no certificates"),
        ('security_protocol = "SSL"\nkey_file = "k.pem"', "need cert_file"),
        ('security_protocol = "SSL"\nusername = "alice"', "uses no username and password"),
        ('passwort = "hunter2"', "kafka.passwort"),
        ('sasl_mechanism = "GSSAPI"', "kafka.sasl_mechanism.*got 'GSSAPI'"),
        ("password = 7", "kafka.password"),
    ],
)
def test_settings_that_do_not_fit_together_are_refused_and_no_secret_is_told(
    empty_folder: Path, text: str, said: str
) -> None:
    (empty_folder / "segue.toml").write_text(f"[kafka]\n{text}\n")
    with pytest.raises(ConfigError, match=said) as refusal:
        load_settings()
    assert "hunter2" not in "".join(traceback.format_exception(refusal.value))


def test_sasl_in_the_clear_is_there_for_those_who_ask_for_it(empty_folder: Path) -> None:
    text = f'[kafka]\n{SCRAM.replace("SSL", "PLAINTEXT")}password = "x"\n'
    (empty_folder / "segue.toml").write_text(f"{text}allow_plaintext_sasl = true\n")
    assert load_settings().kafka.connection.protocol == "SASL_PLAINTEXT"
