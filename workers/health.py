"""`/livez`, `/readyz` and `/metrics`, from a thread of their own: they answer when the event loop hangs."""

import asyncio
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

from prometheus_client import make_wsgi_app

from workers.settings import Settings


class Health:
    """What the process says of itself."""

    def __init__(self, stall_timeout_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._ready = asyncio.Event()
        self._stall_timeout_s = stall_timeout_s
        self._clock = clock
        self._beat = clock()
        self._stalled_s = 0.0

    @property
    def ready(self) -> bool:
        """The worker is a member of its group, with its partitions set up."""
        return self._ready.is_set()

    @ready.setter
    def ready(self, ready: bool) -> None:
        if ready:
            self._ready.set()
        else:
            self._ready.clear()

    async def wait_ready(self) -> None:
        """Until `ready`."""
        await self._ready.wait()

    def beat(self, stalled_s: float = 0.0) -> None:
        """The poll loop went round; the worst of its partitions has had work and no progress for so long."""
        self._stalled_s = stalled_s
        self._beat = self._clock()

    @property
    def live(self) -> bool:
        """False when the poll loop or a partition stood still for `stall_timeout_s`: the process should be restarted.

        A part that is down is no stall: each failed attempt counts as progress, since a restart would mend nothing.
        """
        return max(self._clock() - self._beat, self._stalled_s) < self._stall_timeout_s


class _Quiet(WSGIRequestHandler):
    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the parent's name
        """Probes come every few seconds; they are no news."""


@contextmanager
def serve(health: Health, settings: Settings) -> Iterator[int]:
    """Serves until left; yields the port."""
    metrics = make_wsgi_app()

    def app(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
        path = environ["PATH_INFO"]
        if path == "/metrics":
            response: Iterable[bytes] = metrics(environ, start_response)
            return response
        known = {"/livez": health.live, "/readyz": health.ready and health.live}
        if path not in known:
            start_response("404 Not Found", [("Content-Type", "text/plain")])
            return [b"not found\n"]
        status, text = ("200 OK", b"ok\n") if known[path] else ("503 Service Unavailable", b"not ok\n")
        start_response(status, [("Content-Type", "text/plain")])
        return [text]

    server: WSGIServer = make_server(settings.http_host, settings.http_port, app, handler_class=_Quiet)
    thread = threading.Thread(target=server.serve_forever, name="http", daemon=True)
    thread.start()
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
