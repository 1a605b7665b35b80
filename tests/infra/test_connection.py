import logging
import ssl
from dataclasses import asdict

import pytest
from kafka.errors import KafkaTimeoutError, TopicAuthorizationFailedError
from kafka.protocol.sasl import SaslAuthenticateRequest
from pydantic import SecretStr

from infra.broker import BrokerError
from infra.connection import Connection, DeniedError, connection
from tests.certificates import Authority

SECRET = SecretStr("hunter2")


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


def test_an_address_alone_is_a_broker_without_a_lock():
    to = connection("a:1,b:2")
    assert str(to) == "a:1,b:2"
    assert to.client_arguments() == {
        "bootstrap_servers": "a:1,b:2",
        "security_protocol": "PLAINTEXT",
        "ssl_context": None,
    }
    assert connection(to) is to


def test_a_password_goes_to_the_client_and_nowhere_else():
    to = Connection("a:1", "SASL_SSL", username="alice", password=SECRET)
    arguments = to.client_arguments()
    assert arguments["sasl_plain_password"] == "hunter2"
    assert (arguments["sasl_mechanism"], arguments["sasl_plain_username"]) == (
        "SCRAM-SHA-512",
        "alice",
    )
    assert "hunter2" not in f"{to} {to!r} {asdict(to)} {arguments}"


def test_tls_checks_certificate_and_name_and_takes_nothing_old(authority):
    context = Connection("a:1", "SSL", ca_file=authority.certificate).ssl_context
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version is ssl.TLSVersion.TLSv1_2
    unnamed = Connection("a:1", "SSL", ca_file=authority.certificate, check_hostname=False)
    context = unnamed.ssl_context
    assert context is not None
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert not context.check_hostname


def test_a_file_that_is_no_certificate_is_named(authority, tmp_path):
    nothing, text = tmp_path / "nothing.pem", tmp_path / "text.pem"
    text.write_text("no certificate")
    for file in (nothing, text):
        with pytest.raises(ValueError, match=rf"kafka\.ca_file {file}: .*expected"):
            Connection("a:1", "SSL", ca_file=file).client_arguments()
        with pytest.raises(ValueError, match=rf"kafka\.cert_file {file}.*expected"):
            Connection(
                "a:1", "SSL", ca_file=authority.certificate, cert_file=file
            ).client_arguments()


def test_what_a_client_s_error_means():
    to = Connection("a:1", "SASL_SSL", username="alice", password=SECRET)
    denied = to.refusal(TopicAuthorizationFailedError("music"))
    assert isinstance(denied, DeniedError)
    assert "user alice" in str(denied)
    assert "segue topics acls" in str(denied)
    away = connection("a:1").refusal(KafkaTimeoutError("x"))
    assert type(away) is BrokerError
    assert "kafka.security_protocol" in str(away)


@pytest.mark.parametrize("logger", ["kafka.net.connection", "aiokafka.conn"])
def test_the_clients_debug_logs_hold_no_password(logger, caplog):
    request = SaslAuthenticateRequest(b"\0alice\0hunter2")
    assert "hunter2" in str(request)
    with caplog.at_level(logging.DEBUG, logger):
        logging.getLogger(logger).debug("%s Request %d: %s", "conn", 1, request)
    assert caplog.messages == ["conn Request 1: <SaslAuthenticateRequest>"]
