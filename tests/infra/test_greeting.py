import asyncio
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from pydantic import SecretStr

from cli.main import main
from infra.connection import Connection, DeniedError, connection
from infra.greeting import require_broker, require_listener
from infra.reader import read_to_end
from infra.topics import Topics, create, partition_counts
from streams.player import play
from streams.replay import Pace, schedule
from tests.secured import Secured, environment, secured_broker

pytestmark = pytest.mark.broker

ROOT = Path(__file__).parents[2]
TOPICS = Topics.named("greeting.")
BOUND = 8.0  # seconds; a client that was not asked first would retry for at least ten


@pytest.fixture(scope="module")
def secured(tmp_path_factory):
    with secured_broker(tmp_path_factory.mktemp("secured")) as found:
        create(found.to(), TOPICS, 1, 1)
        yield found


def doors(secured: Secured):
    yield secured.to("SASL")
    yield secured.to("SASL", mechanism="PLAIN")
    yield secured.to("CLEAR")
    yield secured.to("MTLS", cert_file=secured.authority.issue("carol"))
    yield secured.to("ELSEWHERE", check_hostname=False)


def test_every_client_comes_in_by_every_door_with_the_right_credentials(secured):
    for sent, to in enumerate(doors(secured), start=1):
        assert partition_counts(to, [TOPICS.events]) == {TOPICS.events: 1}
        events = schedule([(f"s{sent}", [("t1", 1)])], Pace(rate=1000), "r")
        assert len(play(events, bootstrap=to, topic=TOPICS.events).acknowledged) == 1
        assert len(read_to_end(to, TOPICS.events).records) == sent
        asyncio.run(_aiokafka_sends_and_reads(to, TOPICS.feedback, b"%d" % sent))


async def _aiokafka_sends_and_reads(to: Connection, topic: str, value: bytes) -> None:
    async with AIOKafkaProducer(**to.client_arguments(), acks="all") as producer:
        await producer.send_and_wait(topic, value)
    arguments = to.client_arguments()
    async with AIOKafkaConsumer(topic, **arguments, auto_offset_reset="earliest") as consumer:
        async with asyncio.timeout(20):
            while (await consumer.getone()).value != value:
                pass


REFUSED: dict[str, tuple[Callable[[Secured], Connection], str]] = {
    "wrong authority": (
        lambda s: s.to(ca_file=s.stranger.certificate),
        "unable to get local issuer certificate; set kafka.ca_file",
    ),
    "system's authorities": (lambda s: s.to(ca_file=None), "set kafka.ca_file"),
    "wrong host name": (lambda s: s.to("ELSEWHERE"), "IP address mismatch.*--bootstrap a name"),
    "expired": (lambda s: s.to("EXPIRED"), "certificate has expired; renew"),
    "wrong password": (
        lambda s: s.to(password=SecretStr("wrong")),
        "refused user alice with SCRAM-SHA-512.*check kafka.username, kafka.password",
    ),
    "wrong plain password": (
        lambda s: s.to(mechanism="PLAIN", password=SecretStr("wrong")),
        "refused user alice with PLAIN",
    ),
    "unknown user": (lambda s: s.to(user="mallory"), "refused user mallory"),
    "mechanism not offered": (
        lambda s: s.to(mechanism="SCRAM-SHA-256"),
        "it offers SCRAM-SHA-512, PLAIN: set kafka.sasl_mechanism",
    ),
    "no client certificate": (
        lambda s: s.to("MTLS"),
        "asks for a client certificate.*we have none.*set kafka.cert_file",
    ),
    "a stranger's certificate": (
        lambda s: s.to("MTLS", cert_file=s.stranger.issue("mallory")),
        r"mallory\.pem is refused.*set kafka.cert_file",
    ),
    "SASL where there is none": (
        lambda s: s.to(
            "MTLS",
            protocol="SASL_SSL",
            username="alice",
            password=SecretStr("x"),
            cert_file=s.authority.issue("dave"),
        ),
        "does not take SCRAM-SHA-512 here",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_refusal_says_what_is_wrong_and_what_to_do_and_comes_soon(secured, case):
    make, said = REFUSED[case]
    began = time.monotonic()
    with pytest.raises(DeniedError, match=said) as refusal:
        require_broker(make(secured))
    assert time.monotonic() - began < BOUND  # no client would be so quick: none was made
    assert "pass-word" not in str(refusal.value)


CLIENTS = """
import asyncio, os
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError as AIOKafkaError
from kafka import KafkaProducer
from kafka.errors import KafkaError
from streams.settings import load_settings

arguments = load_settings().kafka.connection.client_arguments()
try:
    KafkaProducer(**arguments, bootstrap_timeout_ms=500)
except KafkaError:
    print("kafka-python refuses")
async def start():
    await AIOKafkaProducer(**arguments).start()
try:
    asyncio.run(start())
except AIOKafkaError:
    print("aiokafka refuses", flush=True)
os._exit(0)  # refused clients leave threads and sockets behind
"""


@pytest.mark.parametrize(
    "case", ["wrong authority", "wrong host name", "expired", "wrong password"]
)
def test_the_clients_themselves_would_not_go_on_either(secured, case, tmp_path):
    to = REFUSED[case][0](secured)
    ran = subprocess.run(
        [sys.executable, "-c", CLIENTS],
        env={**os.environ, **environment(to), "PYTHONPATH": str(ROOT)},
        cwd=tmp_path, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert ran.stdout.splitlines() == ["kafka-python refuses", "aiokafka refuses"], ran.stderr


def test_tls_on_a_plain_port_is_said(secured):
    plain = secured.broker.bootstrap
    with pytest.raises(DeniedError, match="does not speak TLS with us"):
        require_listener(Connection(plain, "SSL", ca_file=secured.authority.certificate))
    require_broker(connection(plain))


def test_the_command_line_exits_3_for_each_of_them(secured, monkeypatch, capsys):
    for case, (make, _) in REFUSED.items():
        to = make(secured)
        for name in ("USERNAME", "PASSWORD", "CERT_FILE", "CA_FILE"):
            monkeypatch.delenv(f"SEGUE_KAFKA__{name}", raising=False)
        for name, value in environment(to).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["segue", "topics", "check", "--bootstrap", to.bootstrap])
        with pytest.raises(SystemExit) as end:
            main()
        said = capsys.readouterr()
        assert end.value.code == 3, (case, said)
        assert len(said.err.splitlines()) == 1
