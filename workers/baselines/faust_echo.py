"""The same as a Faust agent under `exactly_once`, settings otherwise Faust's own (needs the `monitor` extra)."""

import sys
import tempfile

import faust

from workers.delivery import group_of
from workers.settings import Settings


def copy(source: str, target: str, _ledger: str, name: str) -> None:
    """Copies until SIGTERM."""
    settings = Settings()
    with tempfile.TemporaryDirectory() as folder:
        app = faust.App(
            group_of(settings, name),
            broker=[f"kafka://{address}" for address in (settings.kafka_bootstrap_servers or "").split(",")],
            processing_guarantee="exactly_once",
            consumer_auto_offset_reset="earliest",
            value_serializer="raw",
            key_serializer="raw",
            store="memory://",
            datadir=folder,
            web_enabled=False,
        )
        out = app.topic(target, key_type=bytes, value_type=bytes)

        @app.agent(app.topic(source, key_type=bytes, value_type=bytes))  # type: ignore[untyped-decorator]
        async def echo(events: faust.Stream[bytes]) -> None:
            async for key, value in events.items():
                await out.send(key=key, value=value)

        faust.Worker(app, loglevel="error").execute_from_commandline()


if __name__ == "__main__":
    copy(*sys.argv[1:])
