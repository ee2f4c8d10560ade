"""How every client of Kafka connects, how whole topics are read, and what a refusal by Kafka means."""

import asyncio
import re
import ssl
from collections.abc import Iterator, Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    IllegalSaslStateError,
    KafkaConnectionError,
    KafkaError,
    SaslAuthenticationFailed,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    UnsupportedSaslMechanismError,
)

from workers.errors import FatalError
from workers.settings import Settings

_PROBE_TIMEOUT_S = 5.0
# TLS alerts, as OpenSSL names them; others speak of a server that may recover.
_REFUSED_CERTIFICATE = re.compile(r"ALERT_.*(CERTIFICATE|UNKNOWN_CA)")

# What to grant, by what was refused.
_GRANTS = {
    TopicAuthorizationFailedError: "Read (where it is read) or Write (where it is written) on topic",
    GroupAuthorizationFailedError: "Read on group",
    TransactionalIdAuthorizationFailed: "Write (by prefix) on transactional id",
    ClusterAuthorizationFailedError: "IdempotentWrite on the cluster",
}


def connection(settings: Settings) -> dict[str, Any]:
    """The options that every aiokafka client takes: where, how long, by which protocol, as whom.

    Raises:
        FatalError: a certificate or key can't be used.
    """
    options: dict[str, Any] = {
        "bootstrap_servers": settings.kafka_bootstrap_servers,
        "request_timeout_ms": 15_000,
        "security_protocol": settings.kafka_security_protocol,
    }
    if settings.kafka_security_protocol.endswith("SSL"):
        options["ssl_context"] = _ssl_context(settings)
    if settings.kafka_sasl_password is not None:
        options["sasl_mechanism"] = settings.kafka_sasl_mechanism
        options["sasl_plain_username"] = settings.kafka_sasl_username
        options["sasl_plain_password"] = settings.kafka_sasl_password.get_secret_value()
    return options


def _ssl_context(settings: Settings) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=settings.kafka_ssl_cafile)
        if settings.kafka_ssl_certfile is not None:
            # An empty password, so that an encrypted key is an error and not a question on the terminal.
            context.load_cert_chain(settings.kafka_ssl_certfile, settings.kafka_ssl_keyfile, password="")
    except OSError as error:
        raise FatalError(f"KAFKA_SSL_CAFILE, _CERTFILE or _KEYFILE can't be used: {error}") from error
    return context


def committed_reader(settings: Settings, *topics: str, offset_reset: str = "earliest") -> AIOKafkaConsumer:
    """A consumer of committed records, without a group, so nobody's offsets move; to be started by the caller."""
    return AIOKafkaConsumer(
        *topics,
        **connection(settings),
        isolation_level="read_committed",
        auto_offset_reset=offset_reset,
        enable_auto_commit=False,
    )


async def is_behind(consumer: AIOKafkaConsumer, ends: Mapping[TopicPartition, int]) -> bool:
    """Whether a committed reader has not come to these ends yet.

    Under read_committed an end is the last stable offset, and the position passes transaction markers on the way.
    """
    return any([await consumer.position(partition) < end for partition, end in ends.items()])


async def partitions_of(consumer: AIOKafkaConsumer, topic: str) -> set[int]:
    """The topic's partitions; empty where it does not exist. Asked for by name, it would be created."""
    cluster = await consumer._client.fetch_all_metadata()
    return set(cluster.partitions_for_topic(topic) or ())


def raise_denied_topics(consumer: AIOKafkaConsumer) -> None:
    """Raises TopicAuthorizationFailedError where metadata is denied: aiokafka logs that and reads nothing, for ever."""
    if denied := consumer._client.cluster.unauthorized_topics:
        raise TopicAuthorizationFailedError(denied)


async def raise_refusal(settings: Settings, error: BaseException) -> None:
    """Raises what only an operator can mend; returns where `error` may pass by itself.

    Raises:
        FatalError: Kafka refuses us, or we refuse its certificate.
    """
    for cause in _causes(error):
        for kind, grant in _GRANTS.items():
            if isinstance(cause, kind):
                raise FatalError(f"Kafka denies {settings.kafka_sasl_username or 'us'}: grant {grant} {_named(cause)}")
        if isinstance(cause, FatalError):
            raise cause
        if isinstance(cause, KafkaConnectionError) and settings.kafka_security_protocol != "PLAINTEXT":
            await _probe(settings)


def _causes(error: BaseException) -> Iterator[BaseException]:
    yield error
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions:
            yield from _causes(member)
    if error.__cause__ is not None:
        yield from _causes(error.__cause__)


def _named(error: BaseException) -> str:
    """The topics, group or transactional id that aiokafka puts into the error."""
    resource = error.args[0] if error.args else ""
    return ", ".join(sorted(resource)) if isinstance(resource, set) else str(resource)


async def _probe(settings: Settings) -> None:
    """Connects once: aiokafka says of every failure to connect only that it could not, and logs the cause."""
    options = connection(settings)
    for host, port, _ in collect_hosts(options.pop("bootstrap_servers")):
        try:
            async with asyncio.timeout(_PROBE_TIMEOUT_S):
                (await create_conn(host, port, **options)).close()
        except (SaslAuthenticationFailed, UnsupportedSaslMechanismError, IllegalSaslStateError) as error:
            raise FatalError(
                f"Kafka at {host}:{port} refuses user {settings.kafka_sasl_username} by "
                f"{settings.kafka_sasl_mechanism}: check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD"
            ) from error
        except ssl.SSLCertVerificationError as error:
            raise FatalError(
                f"Kafka at {host}:{port} shows a certificate that is not trusted: {error.verify_message}; "
                "check KAFKA_SSL_CAFILE and the host name"
            ) from error
        except (KafkaError, OSError) as error:
            for cause in _causes(error):
                if isinstance(cause, ssl.SSLError) and _REFUSED_CERTIFICATE.search(cause.reason or ""):
                    raise FatalError(
                        f"Kafka at {host}:{port} refuses our certificate ({cause.reason}): "
                        "check KAFKA_SSL_CERTFILE and KAFKA_SSL_KEYFILE"
                    ) from error
