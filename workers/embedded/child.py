"""One child process: its log, its signals, and an orderly end."""

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from workers.embedded.errors import EmbeddedError

_GUARD = Path(__file__).with_name("guard.py")
_LOG_LIMIT = 16 * 1024 * 1024
_TAIL_BYTES = 64 * 1024
_POLL_S = 0.02

# What a log line tells of the machine, in words that can be acted on.
_HINTS = (
    (
        re.compile(r"(lib\S+\.so\S*): cannot open shared object file"),
        "The system lacks {0} (libstdc++: apt-get install libstdc++6; libpython: Python's -dev package).",
    ),
    (re.compile(r"No space left on device"), "The disk, or /dev/shm (docker run --shm-size=256m), is full."),
    (
        re.compile(r"Could not reserve enough space|OutOfMemoryError|Cannot allocate memory"),
        "The machine lacks memory.",
    ),
)
_PORT_TAKEN = re.compile(
    r"Address already in use|Socket '\S+' already in use|Failed to start \w+ service|Could not create server TCP"
)


class PortTakenError(EmbeddedError):
    """Another program took the port between our choice and the child's start."""


class Child:
    """A program in a process group of its own, so that Ctrl-C in a terminal reaches us alone and we stop it in order.

    `subprocess` and polling, not asyncio's processes: those belong to one event loop, and tests start parts in one loop
    and stop them in another.
    """

    def __init__(
        self, name: str, command: Sequence[str], *, log: Path, folder: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.log = log
        self._command = list(command)
        self._folder = folder
        self._env = env
        self._process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    def start(self) -> None:
        """Returns at once; see `wait_ready`."""
        if self.log.exists() and self.log.stat().st_size > _LOG_LIMIT:
            self.log.replace(self.log.with_name(self.log.name + ".1"))
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(_GUARD), str(os.getpid()), *self._command],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
                env=self._env,
                start_new_session=True,
            )

    @property
    def pid(self) -> int | None:
        """None before the first start."""
        return self._process.pid if self._process else None

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for a signal."""
        return self._process.poll() if self._process else None

    @property
    def running(self) -> bool:
        """Started and not yet ended."""
        return self._process is not None and self._process.poll() is None

    def signal_group(self, number: signal.Signals) -> None:
        """To the program and its own children; nothing happens when all are gone."""
        if self._process is not None:
            # The group outlives its leader while the leader's children live: the leader's id is then not reused.
            with suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)

    def kill(self) -> None:
        """SIGKILL, and gone on return."""
        if self._process is not None:
            self.signal_group(signal.SIGKILL)
            self._process.wait()

    async def stop(self, timeout_s: float) -> None:
        """SIGTERM, then SIGKILL when the time is over or the caller is cancelled."""
        process = self._process
        if process is None:
            return
        try:
            if process.poll() is None:
                with suppress(ProcessLookupError):
                    process.terminate()
                self.signal_group(signal.SIGCONT)  # a paused program gets no SIGTERM before it goes on
            deadline = time.monotonic() + timeout_s
            while process.poll() is None and time.monotonic() < deadline:  # noqa: ASYNC110 - no event tells
                await asyncio.sleep(_POLL_S)
        finally:
            self.kill()
            self._process = None

    async def ended(self, timeout_s: float) -> None:
        """Until it ends by itself; an error unless with 0."""
        deadline = time.monotonic() + timeout_s
        while self.running and time.monotonic() < deadline:  # noqa: ASYNC110 - no event tells
            await asyncio.sleep(_POLL_S)
        if self.running:
            raise self.failure(f"did not end within {timeout_s:.0f} s")
        if self.exit_code != 0:
            raise self.failure(f"failed (exit code {self.exit_code})")

    def output(self) -> str:
        """What it has written since its start, the end of it."""
        with suppress(OSError), self.log.open("rb") as log:
            end = log.seek(0, os.SEEK_END)
            log.seek(max(self._log_start, end - _TAIL_BYTES))
            return log.read().decode(errors="replace")
        return ""

    def failure(self, what: str) -> EmbeddedError:
        """The error for a failed start, with the log's last lines and a hint where one is known."""
        output = self.output()
        hints = [hint.format(*match.groups()) for pattern, hint in _HINTS if (match := pattern.search(output))]
        lines = [f"{self.name} {what}.", *hints, f"Last lines of {self.log}:", *output.splitlines()[-15:]]
        return (PortTakenError if _PORT_TAKEN.search(output) else EmbeddedError)("\n".join(lines))


async def wait_ready(children: Iterable[Child], probe: Callable[[], Awaitable[bool]], timeout_s: float) -> None:
    """Until the probe says yes; an error when a child ends before, or the time is over."""
    children = list(children)
    deadline = time.monotonic() + timeout_s
    while True:
        for child in children:
            if child.exit_code is not None:
                raise child.failure(f"ended while starting (exit code {child.exit_code})")
        remaining = deadline - time.monotonic()
        if remaining <= 0:
            raise children[0].failure(f"was not ready within {timeout_s:.0f} s")
        with suppress(TimeoutError):
            async with asyncio.timeout(min(remaining, 5.0)):
                if await probe():
                    return
        await asyncio.sleep(0.05)
