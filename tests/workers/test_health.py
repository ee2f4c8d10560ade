import asyncio
import urllib.error
import urllib.request

import pytest

from workers.health import Health, serve
from workers.settings import Settings

SETTINGS = Settings(http_host="127.0.0.1", http_port=0)


def status(port: int, path: str) -> int:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        return error.code


def test_ready_only_with_partitions_and_a_turning_loop() -> None:
    now = [0.0]
    health = Health(stall_timeout_s=30, clock=lambda: now[0])
    with serve(health, SETTINGS) as port:
        assert (status(port, "/livez"), status(port, "/readyz")) == (200, 503)
        health.ready = True
        assert (status(port, "/livez"), status(port, "/readyz")) == (200, 200)
        now[0] = 31.0
        assert (status(port, "/livez"), status(port, "/readyz")) == (503, 503)
        health.beat()
        assert (status(port, "/livez"), status(port, "/readyz")) == (200, 200)
        health.ready = False
        assert (status(port, "/livez"), status(port, "/readyz")) == (200, 503)


def test_metrics_are_served_and_other_paths_are_not() -> None:
    with serve(Health(30), SETTINGS) as port:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics", timeout=5) as answer:
            assert b"talentstream_events_total" in answer.read()
        assert status(port, "/") == 404


async def test_wait_ready() -> None:
    health = Health(30)
    waiting = asyncio.create_task(health.wait_ready())
    await asyncio.sleep(0)
    assert not waiting.done()
    health.ready = True
    await asyncio.wait_for(waiting, 1)


def test_a_taken_port_is_an_error() -> None:
    with (
        serve(Health(30), SETTINGS) as port,
        pytest.raises(OSError, match="in use"),
        serve(Health(30), SETTINGS.model_copy(update={"http_port": port})),
    ):
        pass
