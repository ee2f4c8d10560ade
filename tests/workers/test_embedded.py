"""The embedded parts, real ones. The first run fetches Kafka's jars; each later one takes seconds."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from redis.asyncio import Redis

from tests.support.embedded import CONFIG, gone, processes_of, shared_memory, write_model
from workers.embedded import EmbeddedError, EmbeddedKafka, EmbeddedRedis, EmbeddedStack, EmbeddedTriton
from workers.embedded.kafka import new_cluster_id
from workers.embedded.machine import FolderLock, free_ports, require_packages, require_platform


@asynccontextmanager
async def administer(kafka: EmbeddedKafka) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


async def produce(kafka: EmbeddedKafka, value: bytes, *, commit: bool = True) -> None:
    async with AIOKafkaProducer(bootstrap_servers=kafka.bootstrap_servers, transactional_id="test") as producer:
        await producer.begin_transaction()
        await producer.send_and_wait("events", value)
        await (producer.commit_transaction() if commit else producer.abort_transaction())


async def committed(kafka: EmbeddedKafka, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(
        "events",
        bootstrap_servers=kafka.bootstrap_servers,
        isolation_level="read_committed",
        auto_offset_reset="earliest",
    )
    async with consumer:
        async with asyncio.timeout(20):
            return [(await consumer.getone()).value for _ in range(count)]


async def test_kafka_keeps_transactions_over_stop_and_kill(tmp_path: Path) -> None:
    async with EmbeddedKafka(tmp_path / "käfka two") as kafka:
        address = kafka.bootstrap_servers
        async with administer(kafka) as admin:
            await admin.create_topics([NewTopic("events", 1, 1)])
        await produce(kafka, b"one")
        await produce(kafka, b"aborted", commit=False)
        await kafka.stop()
        assert not kafka.running
        await gone(tmp_path, shared_memory())
        await kafka.start()
        await produce(kafka, b"two")
        kafka.kill()
        await kafka.start()
        assert kafka.bootstrap_servers == address
        await produce(kafka, b"three")
        assert await committed(kafka, 3) == [b"one", b"two", b"three"]
        async with administer(kafka) as admin:
            await admin.delete_topics(["events"])
            async with asyncio.timeout(10):
                while "events" in await admin.list_topics():  # noqa: ASYNC110 - the broker's doing
                    await asyncio.sleep(0.05)
    await gone(tmp_path, shared_memory())


async def test_paused_kafka_goes_on(tmp_path: Path) -> None:
    async with EmbeddedKafka(tmp_path) as kafka:
        kafka.pause()
        admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
        starting = asyncio.create_task(admin.start())
        await asyncio.sleep(0.5)
        assert not starting.done()
        kafka.resume()
        async with asyncio.timeout(10):
            await starting
        await admin.close()
        kafka.pause()  # a paused one stops as well
    await gone(tmp_path, shared_memory())


def test_cluster_ids_are_no_options() -> None:
    """One in 64 random ids begins with a dash; 2,000 of them without one is no chance."""
    ids = {new_cluster_id() for _ in range(2_000)}
    assert len(ids) == 2_000
    assert not [cluster_id for cluster_id in ids if cluster_id.startswith("-")]


async def test_three_nodes_survive_the_loss_of_one(tmp_path: Path) -> None:
    async with EmbeddedKafka(tmp_path, nodes=3) as kafka:
        async with administer(kafka) as admin:
            await admin.create_topics([NewTopic("events", 1, 3)])
        await produce(kafka, b"before")
        kafka.kill_node(1)
        await produce(kafka, b"without")
        await kafka.start_node(1)
        assert kafka.running
        assert await committed(kafka, 2) == [b"before", b"without"]


# Triton ---------------------------------------------------------------------------------------------------------


async def test_redis_forgets_unless_told_to_persist(tmp_path: Path) -> None:
    for persistent, expected in ((False, None), (True, b"value")):
        async with EmbeddedRedis(tmp_path / str(persistent), persistent=persistent) as redis:
            async with Redis.from_url(redis.url) as client:
                await client.set("key", "value")
                assert await client.get("key") == b"value"
            await redis.stop()
            await redis.start()
            async with Redis.from_url(redis.url) as client:
                assert await client.get("key") == expected
    await gone(tmp_path, shared_memory())


# All three ------------------------------------------------------------------------------------------------------


async def test_stack_starts_what_has_no_address_and_leaves_nothing(tmp_path: Path) -> None:
    lines: list[str] = []
    before = shared_memory()
    stack = EmbeddedStack(
        tmp_path / "data",
        redis="redis://elsewhere:6379/0",
        model_repository=write_model(tmp_path / "repository"),
        on_progress=lines.append,
    )
    entered = asyncio.Event()

    async def run() -> None:
        async with stack as addresses:
            assert addresses.redis == "redis://elsewhere:6379/0"
            assert addresses.triton_metrics is not None
            assert stack.redis is None
            entered.set()
            await asyncio.sleep(3600)

    task = asyncio.create_task(run())
    async with asyncio.timeout(60):
        await entered.wait()
    assert {line.split(" is ready")[0] for line in lines if "ready" in line} == {"Kafka", "Triton"}
    with pytest.raises(EmbeddedError, match=rf"in use by another stack \(process {os.getpid()}\)"):
        await EmbeddedStack(tmp_path / "data", redis="redis://elsewhere:6379/0").__aenter__()
    assert shared_memory() - before  # the refused one has not cleaned up after the running one
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await gone(tmp_path, before, timeout_s=0)


async def test_a_part_that_fails_stops_the_others(tmp_path: Path) -> None:
    before = shared_memory()
    repository = write_model(tmp_path / "repository", config=CONFIG.replace('name: "y"', 'name: "why"'))
    with pytest.raises(EmbeddedError, match="why is not in the model"):
        async with EmbeddedStack(tmp_path / "data", model_repository=repository):
            pytest.fail("entered")
    await gone(tmp_path, before, timeout_s=0)


async def test_nothing_outlives_a_killed_parent(tmp_path: Path) -> None:
    before = shared_memory()
    write_model(tmp_path / "repository")
    script = """
import asyncio, sys
from pathlib import Path
from workers.embedded import EmbeddedStack

async def main():
    folder = Path(sys.argv[1])
    async with EmbeddedStack(folder / "data", model_repository=folder / "repository") as addresses:
        print(addresses, flush=True)
        await asyncio.sleep(3600)

asyncio.run(main())
"""
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", script, str(tmp_path), stdout=asyncio.subprocess.PIPE
    )
    assert parent.stdout is not None
    async with asyncio.timeout(60):
        assert b"kafka=" in await parent.stdout.readline()
    assert len(processes_of(tmp_path)) >= 4  # Kafka, Redis, Triton and its model's process
    parent.send_signal(signal.SIGKILL)
    await parent.wait()
    await gone(tmp_path, before)


# Errors a newcomer meets ----------------------------------------------------------------------------------------


def test_platform_and_packages() -> None:
    require_platform("linux", "x86_64")
    for system, machine in (("darwin", "arm64"), ("linux", "aarch64"), ("win32", "AMD64")):
        with pytest.raises(EmbeddedError, match="docker compose up"):
            require_platform(system, machine)
    require_packages("json")
    with pytest.raises(EmbeddedError, match=r"missing: no_such_package.*pip install 'talentstream\[embedded\]'"):
        require_packages("json", "no_such_package")


async def test_folder_that_cant_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(EmbeddedError, match=r"Can't create the data folder .*TALENTSTREAM_DATA_DIR"):
        await EmbeddedRedis(tmp_path / "file" / "redis").start()


async def test_named_port_that_is_taken(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    with socket.create_server(("127.0.0.1", port)):
        for part in (
            EmbeddedRedis(tmp_path / "redis", port=port),
            EmbeddedTriton(tmp_path / "triton", port=port),
            EmbeddedKafka(tmp_path / "kafka", port=port),
        ):
            with pytest.raises(EmbeddedError, match=f"port {port} .* is taken"):
                await part.start()


@pytest.mark.parametrize("kind", [EmbeddedKafka, EmbeddedTriton, EmbeddedRedis])
async def test_chosen_port_that_is_taken_meanwhile(
    tmp_path: Path, kind: type[EmbeddedKafka | EmbeddedTriton | EmbeddedRedis], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another is chosen."""
    ports = free_ports(4)
    chosen = iter([ports[:2], ports[2:]])
    module = sys.modules[kind.__module__]
    monkeypatch.setattr(module, "free_ports", lambda count: next(chosen)[:count])
    with socket.create_server(("127.0.0.1", ports[0])):
        part = kind(tmp_path / "data")
        if isinstance(part, EmbeddedTriton):
            part = EmbeddedTriton(tmp_path / "data", write_model(tmp_path / "repository"))
        async with part:
            assert str(ports[2]) in part.address


async def test_no_network_at_the_first_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:9")  # for jgo's process, which finds nobody there
    monkeypatch.setenv("M2_REPO", str(tmp_path / "m2"))
    monkeypatch.setenv("JGO_CACHE_DIR", str(tmp_path / "cache"))
    with pytest.raises(EmbeddedError, match=r"(?s)first start needs the network.*~/\.m2.*jars\.log"):
        await EmbeddedKafka(tmp_path / "kafka").start()


async def test_fetch_that_fails_leaves_the_folder_free(tmp_path: Path) -> None:
    async def fetch(folder: Path) -> list[Path]:
        raise EmbeddedError("no route to host")

    with pytest.raises(EmbeddedError, match=r"(?s)Can't fetch Apache Kafka's jars.*no route to host"):
        await EmbeddedKafka(tmp_path, fetch=fetch).start()
    lock = FolderLock(tmp_path)
    lock.acquire()
    lock.release()


async def test_program_that_dies_early_or_never_answers(tmp_path: Path) -> None:
    script = tmp_path / "server"
    script.write_text("#!/bin/sh\necho libstdc++.so.6: cannot open shared object file >&2\nexit 3\n")
    script.chmod(0o755)
    with pytest.raises(EmbeddedError, match=r"(?s)exit code 3.*lacks libstdc\+\+\.so\.6.*redis\.log"):
        await EmbeddedRedis(tmp_path / "data", executable=script).start()
    script.write_text("#!/bin/sh\nsleep 60\n")
    with pytest.raises(EmbeddedError, match="not ready within 1 s"):
        await EmbeddedRedis(tmp_path / "data", executable=script, start_timeout_s=1.0).start()
    await gone(tmp_path, shared_memory())
