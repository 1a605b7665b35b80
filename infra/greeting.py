"""Looks whether a broker is there, is to be believed and takes us, before any client is made.

A Kafka client that cannot bootstrap leaves its thread and sockets behind, retries in silence, and
says neither what was wrong with a certificate nor that a password was: it only times out.
"""

from __future__ import annotations

import socket
import ssl
import struct
from contextlib import AbstractContextManager, nullcontext
from typing import Final

from kafka.net.sasl import get_sasl_mechanism

from .broker import BrokerError
from .connection import Address, Connection, DeniedError, connection

_EXPIRED, _MISNAMED, _UNKNOWN = {10}, {62, 64}, {2, 18, 19, 20, 21}  # OpenSSL's X509_V_ERR codes
_SASL_HANDSHAKE, _API_VERSIONS, _SASL_AUTHENTICATE = (17, 1), (18, 0), (36, 0)  # key and version
_LARGEST: Final = 1 << 20  # bytes of an answer; what is not Kafka may say anything


def require_listener(address: Address, timeout_s: float = 2.0) -> None:
    """Refuse to go on while nothing listens at any of the addresses, or TLS fails.

    Raises:
        DeniedError: a broker's certificate is not to be believed, or it does not take ours.
        BrokerError: nothing listens, or an address is not HOST:PORT.
        ValueError: a certificate's file cannot be used.
    """
    _greet(connection(address), timeout_s, log_in=False)


def require_broker(address: Address, timeout_s: float = 5.0) -> None:
    """Refuse to go on where `require_listener` does, or where our name and password are refused.

    Raises:
        DeniedError: as there, or the broker does not take our user.
        BrokerError: as there.
        ValueError: as there.
    """
    _greet(connection(address), timeout_s, log_in=True)


def _greet(to: Connection, timeout_s: float, *, log_in: bool) -> None:
    context = to.ssl_context
    errors = []
    for text in to.bootstrap.split(","):
        host, _, port = text.strip().rpartition(":")
        host = host.strip("[]")
        try:
            with (
                socket.create_connection((host, int(port)), timeout_s) as raw,
                _secured(raw, context, host) as line,
            ):
                if context is not None:
                    # That we have no certificate shows only in the answer to a request.
                    _ask(line, _API_VERSIONS, b"")
                if log_in and to.sasl:
                    _log_in(to, line)
        except ssl.SSLError as err:
            raise _tls_refusal(to, text.strip(), host, err) from err
        except (OSError, ValueError, OverflowError, struct.error) as err:
            errors.append(f"{text.strip()}: {err}")
        else:
            return
    raise BrokerError(
        f"no broker answers ({'; '.join(errors)}): start one with `segue kafka up`, "
        "or give its address with --bootstrap HOST:PORT"
    )


def _secured(
    raw: socket.socket, context: ssl.SSLContext | None, host: str
) -> AbstractContextManager[socket.socket]:
    return context.wrap_socket(raw, server_hostname=host) if context else nullcontext(raw)


def _ask(line: socket.socket, kind: tuple[int, int], body: bytes) -> bytes:
    """Send one request without a client id; give its answer's body."""
    request = struct.pack(">hhih", *kind, 1, -1) + body
    line.sendall(struct.pack(">i", len(request)) + request)
    with line.makefile("rb") as answers:
        head = answers.read(4)
        if len(head) < 4:
            raise ConnectionResetError("it hung up on us; is it Kafka?")
        (size,) = struct.unpack(">i", head)
        if not 4 <= size <= _LARGEST:
            raise ConnectionResetError("it does not speak Kafka's protocol")
        return answers.read(size)[4:]


def _log_in(to: Connection, line: socket.socket) -> None:
    """Go through the whole of SASL, by kafka-python's own mechanisms."""
    name = to.mechanism.encode()
    answer = _ask(line, _SASL_HANDSHAKE, struct.pack(">h", len(name)) + name)
    (error,) = struct.unpack_from(">h", answer)
    if error:
        offered = _texts(answer[2:])
        raise DeniedError(
            f"broker {to} does not take {to.mechanism} here (error {error}); it offers "
            f"{', '.join(offered) or 'nothing'}: set kafka.sasl_mechanism or security_protocol"
        )
    mechanism = get_sasl_mechanism(to.mechanism)(**to.client_arguments())
    while not mechanism.is_done():
        token = mechanism.auth_bytes()
        answer = _ask(line, _SASL_AUTHENTICATE, struct.pack(">i", len(token)) + token)
        error, length = struct.unpack_from(">hh", answer)
        said = answer[4 : 4 + max(0, length)]
        if error:
            raise to.denied(said.decode("utf-8", "replace"))
        rest = answer[4 + len(said) :]
        try:
            mechanism.receive(rest[4:])
        except Exception as err:  # its own kinds: the broker does not know our password itself
            raise to.denied(f"it does not prove that it knows the password: {err}") from err


def _texts(raw: bytes) -> list[str]:
    """Read an array of strings."""
    (count,) = struct.unpack_from(">i", raw)
    found, at = [], 4
    for _ in range(count):
        (length,) = struct.unpack_from(">h", raw, at)
        found.append(raw[at + 2 : at + 2 + length].decode())
        at += 2 + length
    return found


def _tls_refusal(to: Connection, address: str, host: str, err: ssl.SSLError) -> DeniedError:
    """What a TLS error means, and what to do about it."""
    if isinstance(err, ssl.SSLCertVerificationError):
        said = f"the certificate of {address} is not to be believed: {err.verify_message}"
        if err.verify_code in _EXPIRED:
            return DeniedError(f"{said}; renew the broker's certificate (or set this clock right)")
        if err.verify_code in _MISNAMED:
            return DeniedError(
                f"{said}; give --bootstrap a name that the certificate has, or have one made for "
                f"{host}: kafka.check_hostname = false would let every owner of a certificate of "
                "that authority pass for this broker"
            )
        if err.verify_code in _UNKNOWN:
            return DeniedError(
                f"{said}; set kafka.ca_file to the certificate of the authority that signed it "
                f"(now {to.ca_file or 'the system'}), or you talk to somebody else"
            )
        return DeniedError(f"{said}; look at it with `openssl s_client -connect {address}`")
    reason = (err.reason or str(err)).upper()
    if "CERTIFICATE" in reason or "HANDSHAKE_FAILURE" in reason:
        ours = f"{to.cert_file} is refused" if to.cert_file else "we have none"
        return DeniedError(
            f"broker {address} asks for a client certificate it knows, and {ours} "
            f"({err.reason}); set kafka.cert_file and kafka.key_file to one of its authority"
        )
    return DeniedError(
        f"broker {address} does not speak TLS with us ({err.reason or err}); is this its port for "
        f"{to.protocol}?"
    )
