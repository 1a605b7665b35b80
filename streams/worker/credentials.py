"""A connection as Faust wants it: credentials, or none for a broker without a lock."""

from __future__ import annotations

from faust.auth import SASLCredentials, SSLCredentials
from faust.types.auth import CredentialsT

from infra.connection import Connection


def credentials(to: Connection) -> CredentialsT | None:
    """What `faust.App(broker_credentials=...)` takes.

    Raises:
        ValueError: a certificate's file cannot be used.
    """
    context = to.ssl_context
    if to.sasl:
        # Faust goes without TLS where it is given no context; settings.py has asked first.
        return SASLCredentials(
            username=to.username,
            password=to.secret,
            ssl_context=context,
            mechanism=to.mechanism,
        )
    return None if context is None else SSLCredentials(context)
