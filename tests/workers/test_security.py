"""TLS, authentication and authorisation against real servers, and secrets that stay secret."""

import asyncio
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import grpc
import pytest
from aiokafka.errors import KafkaConnectionError
from pydantic import ValidationError
from redis.asyncio import Redis
from tritonclient.grpc import service_pb2, service_pb2_grpc

from tests.support.embedded import write_model
from tests.support.secure import PASSWORD, USER, Acl, Authority, SecureKafka, secure_kafka, tls_before, worker_acls
from tests.support.streams import (
    lost_and_doubled,
    make_topics,
    make_worker,
    postings,
    produce,
    read_all,
    until_answered,
)
from tests.workers.test_engine import echo
from topics.catalogue import REJECTIONS
from workers import cache, inference, telemetry
from workers.delivery import Worker
from workers.embedded import EmbeddedRedis, EmbeddedTriton
from workers.errors import FatalError, RetryableError
from workers.runtime import in_background
from workers.settings import Settings

SECRET = "s3cret-never-shown"


@pytest.fixture(scope="module")
async def kafka(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[SecureKafka]:
    async with secure_kafka(tmp_path_factory.mktemp("secure-kafka")) as broker:
        yield broker


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates"))


async def fails(worker: Worker, settings: Settings) -> FatalError:
    """The error that ends the worker, well before a person would give up."""
    with pytest.raises(FatalError) as raised:
        async with asyncio.timeout(40), in_background(worker, settings) as task:
            await task
    message = str(raised.value)
    assert "\n" not in message
    assert PASSWORD not in message
    assert SECRET not in message
    return raised.value


# Kafka ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
async def test_a_worker_with_the_listed_acls_does_all_its_work(kafka: SecureKafka, delivery: str) -> None:
    source, target = await make_topics(kafka.operator)
    worker = make_worker(source, target, echo(target))
    settings = kafka.settings(group_prefix=f"listed-{delivery}", delivery=delivery)
    await kafka.grant(worker_acls(settings, worker.flow))
    inputs = postings(50)
    await produce(kafka.operator, source.name, [*inputs, (b"bad", b"{}")])
    async with in_background(worker, settings):
        await until_answered(kafka.operator, target.name, [key for key, _ in inputs])
        await until_answered(kafka.operator, REJECTIONS.name, [b"bad"])
    records = await read_all(kafka.operator, target.name)
    assert lost_and_doubled([key for key, _ in inputs], records) == ([], [])


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512"])
async def test_each_mechanism_connects(kafka: SecureKafka, mechanism: str) -> None:
    await kafka.grant([Acl("Read", "topic", REJECTIONS.name)])
    await make_topics(kafka.operator)
    await read_all(kafka.settings(KAFKA_SASL_MECHANISM=mechanism), REJECTIONS.name)


async def test_mutual_tls(kafka: SecureKafka, authority: Authority) -> None:
    await kafka.grant([Acl("Read", "topic", REJECTIONS.name)])
    source, target = await make_topics(kafka.operator)
    await read_all(kafka.mutual(kafka.authority), REJECTIONS.name)
    for stranger in (None, authority):
        error = await fails(make_worker(source, target, echo(target)), kafka.mutual(stranger))
        assert "check KAFKA_SSL_CERTFILE" in str(error)


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-512", "SCRAM-SHA-256"])
async def test_a_wrong_password_or_mechanism_is_fatal(kafka: SecureKafka, mechanism: str) -> None:
    source, target = await make_topics(kafka.operator)
    settings = kafka.settings(KAFKA_SASL_MECHANISM=mechanism, KAFKA_SASL_PASSWORD=SECRET)
    error = await fails(make_worker(source, target, echo(target)), settings)
    assert f"refuses user {USER} by {mechanism}: check KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD" in str(error)


async def test_an_authority_that_is_not_trusted_is_fatal_and_nothing_falls_back(
    kafka: SecureKafka, authority: Authority
) -> None:
    source, target = await make_topics(kafka.operator)
    settings = kafka.settings(KAFKA_SSL_CAFILE=authority.ca)
    assert "certificate that is not trusted" in str(await fails(make_worker(source, target, echo(target)), settings))
    with pytest.raises(KafkaConnectionError):
        await read_all(settings, source.name)


async def test_the_host_name_is_verified(kafka: SecureKafka) -> None:
    source, target = await make_topics(kafka.operator)
    settings = kafka.settings()
    port = (settings.kafka_bootstrap_servers or "").split(":")[1]
    elsewhere = settings.model_copy(update={"kafka_bootstrap_servers": f"localhost:{port}"})
    error = await fails(make_worker(source, target, echo(target)), elsewhere)
    assert "Hostname mismatch" in str(error)


@pytest.mark.parametrize(
    ("delivery", "resource", "described", "expected"),
    [
        ("exactly_once", "transactional-id", False, "Write (by prefix) on transactional id {group}-{source}-"),
        *(
            (delivery, *rest)
            for delivery in ("exactly_once", "at_least_once")
            for rest in (
                ("group", False, "Read on group {group}"),
                ("source", False, "topic {source}"),
                ("source", True, "topic {source}"),
                ("target", False, "topic {target}"),
                ("target", True, "topic {target}"),
            )
        ),
    ],
)
async def test_a_missing_acl_is_fatal_names_the_resource_and_commits_nothing(
    kafka: SecureKafka, delivery: str, resource: str, described: bool, expected: str
) -> None:
    source, target = await make_topics(kafka.operator)
    worker = make_worker(source, target, echo(target))
    settings = kafka.settings(group_prefix=f"missing-{source.name}", delivery=delivery)
    name = {"source": source.name, "target": target.name}.get(resource)
    refused = [a for a in worker_acls(settings, worker.flow) if a.name == name or a.resource == resource]
    assert len(refused) == 1
    await kafka.grant(a for a in worker_acls(settings, worker.flow) if a not in refused)
    if described and name:
        await kafka.grant([Acl("Describe", "topic", name)])
    inputs = postings(20)
    await produce(kafka.operator, source.name, inputs)
    error = await fails(worker, settings)
    group = f"{settings.group_prefix}-w"
    assert expected.format(group=group, source=source.name, target=target.name) in str(error)
    assert await read_all(kafka.operator, target.name) == []
    await kafka.grant(refused)
    async with in_background(worker, settings):
        await until_answered(kafka.operator, target.name, [key for key, _ in inputs])


# Redis ----------------------------------------------------------------------------------------------------------


async def cached(settings: Settings, value: bytes = b"result") -> list[bytes | None]:
    """What the cache gives back after it was given a result; None where it could not be used."""
    async with cache.connect(settings, "w") as results:
        await results.put("model", {"hash": value})
        return await results.get("model", ["hash"])


async def test_redis_asks_for_its_password(tmp_path: Path) -> None:
    async with EmbeddedRedis(tmp_path, password=PASSWORD) as server:
        address = server.url.removeprefix("redis://")
        assert await cached(Settings(REDIS_URL=server.url, REDIS_PASSWORD=PASSWORD)) == [b"result"]
        assert await cached(Settings(REDIS_URL=f"redis://:{PASSWORD}@{address}")) == [b"result"]
        assert await cached(Settings(REDIS_URL=server.url)) == [None]
        assert await cached(Settings(REDIS_URL=server.url, REDIS_PASSWORD=SECRET)) == [None]
        # The user needs these commands on these keys; the address names it.
        async with Redis.from_url(server.url, password=PASSWORD) as operator:
            await operator.acl_setuser(
                "worker", enabled=True, passwords=[f"+{SECRET}"], keys=["talentstream:*"], commands=["+mget", "+set"]
            )
        assert await cached(Settings(REDIS_URL=f"redis://worker@{address}", REDIS_PASSWORD=SECRET)) == [b"result"]


async def test_redis_over_tls(redis: EmbeddedRedis, authority: Authority, tmp_path: Path) -> None:
    port = int(redis.url.rsplit(":", 1)[1].split("/")[0])
    async with tls_before(port, authority) as tls_port:
        url = f"rediss://127.0.0.1:{tls_port}/0"
        assert await cached(Settings(REDIS_URL=url, REDIS_SSL_CAFILE=authority.ca, cache_timeout_s=5)) == [b"result"]
        other = Authority(tmp_path)
        assert await cached(Settings(REDIS_URL=url, REDIS_SSL_CAFILE=other.ca, cache_timeout_s=5)) == [None]
        elsewhere = Settings(
            REDIS_URL=f"rediss://localhost:{tls_port}/0", REDIS_SSL_CAFILE=authority.ca, cache_timeout_s=5
        )
        assert await cached(elsewhere) == [None]


# Triton ---------------------------------------------------------------------------------------------------------


async def test_triton_over_tls(authority: Authority, tmp_path: Path) -> None:
    server = EmbeddedTriton(
        tmp_path / "data",
        write_model(tmp_path / "repository"),
        options={
            "grpc-use-ssl": "1",
            "grpc-server-cert": str(authority.cert),
            "grpc-server-key": str(authority.key),
            "grpc-root-cert": str(authority.ca),
        },
        client={"ssl": True, "root_certificates": str(authority.ca)},
    )
    async with server:
        async with inference.connect(
            Settings(TRITON_URL=server.url, TRITON_SSL_CAFILE=authority.ca), "double"
        ) as infer:
            assert infer.model.name == "double"
        other = Settings(TRITON_URL=server.url, TRITON_SSL_CAFILE=Authority(tmp_path / "other").ca)
        for stranger in (other, Settings(TRITON_URL=server.url)):
            with pytest.raises(RetryableError, match="UNAVAILABLE"):
                async with inference.connect(stranger, "double"):
                    pass


class Gateway(service_pb2_grpc.GRPCInferenceServiceServicer):  # type: ignore[misc]
    """Asks for the token as a gateway before Triton does."""

    def _check(self, context: grpc.ServicerContext) -> None:
        if ("authorization", f"Bearer {SECRET}") not in context.invocation_metadata():
            context.abort(grpc.StatusCode.UNAUTHENTICATED, "no valid token")

    def ModelMetadata(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - gRPC's name
        self._check(context)
        return service_pb2.ModelMetadataResponse(name=request.name, versions=["1"])

    def ModelConfig(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - gRPC's name
        self._check(context)
        return service_pb2.ModelConfigResponse()

    def ModelInfer(self, request: Any, context: grpc.ServicerContext) -> Any:  # noqa: N802 - gRPC's name
        self._check(context)
        return service_pb2.ModelInferResponse()


async def test_triton_gets_the_token_with_each_call() -> None:
    gateway = grpc.server(ThreadPoolExecutor(2))
    service_pb2_grpc.add_GRPCInferenceServiceServicer_to_server(Gateway(), gateway)
    url = f"127.0.0.1:{gateway.add_insecure_port('127.0.0.1:0')}"
    gateway.start()
    try:
        async with inference.connect(Settings(TRITON_URL=url, TRITON_TOKEN=SECRET), "m") as infer:
            await infer([[1, 2, 3]])
            infer._headers = {"authorization": "Bearer expired"}
            with pytest.raises(FatalError, match="check TRITON_TOKEN"):
                await infer([[1, 2, 3]])
        with pytest.raises(FatalError, match="check TRITON_TOKEN"):
            async with inference.connect(Settings(TRITON_URL=url), "m"):
                pass
    finally:
        gateway.stop(None).wait()


# Settings, secrets ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_PASSWORD": SECRET}, "needs KAFKA_SASL_USERNAME and"),
        ({"KAFKA_SASL_USERNAME": "u", "KAFKA_SASL_PASSWORD": SECRET}, "are not used with .*=PLAINTEXT"),
        ({"KAFKA_SECURITY_PROTOCOL": "SASL_SSL", "KAFKA_SASL_MECHANISM": "GSSAPI"}, "KAFKA_SASL_MECHANISM"),
        ({"KAFKA_SSL_CAFILE": __file__}, "KAFKA_SSL_CAFILE, .* are not used with"),
        ({"KAFKA_SECURITY_PROTOCOL": "SSL", "KAFKA_SSL_CERTFILE": __file__}, "need each other"),
        ({"KAFKA_SSL_CAFILE": "/nowhere/ca.pem"}, "does not point to a file"),
        ({"TRITON_SSL_KEYFILE": __file__}, "need each other"),
        ({"TRITON_SSL_CERTFILE": __file__, "TRITON_SSL_KEYFILE": __file__}, "needs TRITON_SSL_CAFILE"),
        ({"REDIS_URL": "redis://r", "REDIS_SSL_CAFILE": __file__}, "begins with rediss://"),
        ({"REDIS_URL": f"redis://:{SECRET}/x@r"}, "%-encode reserved characters"),
        ({"REDIS_URL": f"http://:{SECRET}@r"}, "not a redis://"),
    ],
)
def test_incomplete_security_is_refused_in_words(values: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message) as raised:
        Settings(**values)
    assert SECRET not in str(raised.value)


async def test_a_certificate_that_is_none_is_fatal() -> None:
    settings = Settings(KAFKA_BOOTSTRAP_SERVERS="127.0.0.1:9", KAFKA_SECURITY_PROTOCOL="SSL", KAFKA_SSL_CAFILE=__file__)
    error = await fails(make_worker(REJECTIONS, REJECTIONS, echo(REJECTIONS)), settings)
    assert "KAFKA_SSL_CAFILE" in str(error)


async def test_secrets_are_never_shown(
    kafka: SecureKafka, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    source, target = await make_topics(kafka.operator)
    settings = kafka.settings(
        KAFKA_SASL_PASSWORD=SECRET,
        REDIS_URL=f"redis://:{SECRET}@127.0.0.1:9/0",
        REDIS_PASSWORD=SECRET,
        TRITON_TOKEN=SECRET,
        log_level="debug",
    )
    telemetry.configure_logging(settings)
    caplog.set_level(logging.DEBUG)
    await fails(make_worker(source, target, echo(target)), settings)
    assert await cached(settings) == [None]
    shown = capfd.readouterr()
    assert "cache unavailable" in shown.out + shown.err + caplog.text
    for text in (shown.out, shown.err, caplog.text, repr(settings), str(settings)):
        assert SECRET not in text
