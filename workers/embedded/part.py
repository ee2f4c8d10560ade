"""What Kafka, Triton and Redis have in common when embedded: a folder, a lock, children, start and stop."""

import asyncio
import signal
import time
from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from workers.embedded.child import Child, PortTakenError
from workers.embedded.machine import FolderLock, prepare_folder, require_platform

Progress = Callable[[str], None]
_PORT_TRIES = 3


class Part(ABC):
    """A real server as our child: an async context manager that can also be stopped, killed and started again inside.

    It ends with us in every case: stopped in order when left, killed by the kernel when we are killed (`guard.py`).
    Start it from a thread that lives as long as the part, such as the main thread.
    """

    name: str
    stop_timeout_s = 10.0

    def __init__(self, folder: Path, *, start_timeout_s: float, on_progress: Progress | None) -> None:
        self.folder = folder.expanduser().absolute()
        self._start_timeout_s = start_timeout_s
        self._progress = on_progress or (lambda _: None)
        self._lock = FolderLock(self.folder)
        self.children: list[Child] = []

    async def start(self) -> None:
        """Until it answers; a part that was stopped or killed comes back with the same address and data."""
        if self.running:
            return
        require_platform()
        began = time.monotonic()
        prepare_folder(self.folder)
        self._lock.acquire()
        try:
            await self._end()  # what a crash left
            for attempt in range(1, _PORT_TRIES + 1):
                try:
                    await self._start()
                    break
                except PortTakenError:
                    await self._end()
                    if attempt == _PORT_TRIES:
                        raise
                    self._forget_ports()
        except BaseException:  # cancelled as well: leave nothing behind
            await self.stop()
            raise
        self._progress(f"{self.name} is ready at {self.address} ({time.monotonic() - began:.1f} s)")

    async def stop(self) -> None:
        """In order; killed past `stop_timeout_s`. Data stays."""
        if not self._lock.held:  # never started: what runs in the folder is another's
            return
        try:
            await self._end()
        finally:
            self._lock.release()

    async def _end(self) -> None:
        try:
            # Cancelled (a second Ctrl-C), it goes on to SIGKILL at once.
            await asyncio.gather(*(child.stop(self.stop_timeout_s) for child in self.children))
        finally:
            self._clean()

    def kill(self) -> None:
        """SIGKILL to all of it, as a crash would be; `start` brings it back."""
        for child in self.children:
            child.kill()
        self._clean()

    def pause(self) -> None:
        """SIGSTOP: it hangs, its connections stay open."""
        for child in self.children:
            child.signal_group(signal.SIGSTOP)

    def resume(self) -> None:
        """After `pause`."""
        for child in self.children:
            child.signal_group(signal.SIGCONT)

    @property
    def running(self) -> bool:
        """All of its processes live."""
        return bool(self.children) and all(child.running for child in self.children)

    @property
    @abstractmethod
    def address(self) -> str:
        """For clients."""

    @abstractmethod
    async def _start(self) -> None:
        """Starts the children and waits until ready."""

    @abstractmethod
    def _forget_ports(self) -> None:
        """Those we chose: another program was quicker."""

    def _clean(self) -> None:  # noqa: B027 - most parts leave nothing
        """Removes what the children left outside the folder."""

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.stop()
