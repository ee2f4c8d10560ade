"""Worker processes of a fault run: started, killed, stopped, frozen, and started again when they die."""

import asyncio
import os
import random
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from tests.faults.worker import Plan, Strike
from workers.embedded.child import Child

ROOT = Path(__file__).parents[2]
STOP_S = 15.0


class Fleet:
    """Three or so workers on one plan.

    Args:
        environment: settings of all; `addresses` gives worker number n those of its own.
        strikes: points at which the first so many processes kill themselves, after a seeded number of commits.
        sleep_s: they sleep so long instead.
        supervised: a worker that dies is started again, as an orchestrator would.
    """

    def __init__(
        self,
        folder: Path,
        plan: Plan,
        environment: Mapping[str, str],
        *,
        addresses: Sequence[Mapping[str, str]] = (),
        strikes: Sequence[str] = (),
        sleep_s: float = 0.0,
        supervised: bool = True,
        seed: int = 0,
    ) -> None:
        self.exits: list[int] = []
        self.workers: list[Child] = []
        self.plan = plan
        self._folder = folder
        self._environment = dict(environment)
        self._addresses = addresses
        self._strikes = list(strikes)
        self._sleep_s = sleep_s
        self._supervised = supervised
        self._rng = random.Random(seed)
        self._stopped: set[int] = set()
        self._starts = 0

    def start(self, count: int) -> None:
        """Until `count` workers run."""
        for number in range(count):
            if number >= len(self.workers):
                self.workers.append(self._child(number))
            elif self.workers[number].running:
                continue
            else:
                self.workers[number] = self._child(number)
            self._stopped.discard(number)

    def set_environment(self, **environment: str) -> None:
        """Of those started from now on."""
        self._environment |= environment

    async def watch(self) -> None:
        """Starts again what died by itself or was killed; until cancelled."""
        while True:
            for number, worker in enumerate(self.workers):
                if worker.exit_code is not None and number not in self._stopped:
                    self.exits.append(worker.exit_code)
                    if self._supervised:
                        self.workers[number] = self._child(number)
                    else:
                        self._stopped.add(number)
            await asyncio.sleep(0.1)

    @property
    def running(self) -> int:
        """How many do."""
        return sum(worker.running for worker in self.workers)

    def kill(self, number: int) -> None:
        """SIGKILL; the supervisor starts another."""
        self.workers[number].kill()

    def pause(self, number: int) -> None:
        """SIGSTOP."""
        self.workers[number].signal_group(signal.SIGSTOP)

    def resume(self, number: int) -> None:
        """SIGCONT."""
        self.workers[number].signal_group(signal.SIGCONT)

    def signal(self, number: signal.Signals) -> None:
        """To all."""
        for worker in self.workers:
            worker.signal_group(number)

    async def stop(self, *numbers: int) -> None:
        """SIGTERM, and ended on return; not started again."""
        self._stopped |= set(numbers)
        await asyncio.gather(*(self.workers[number].stop(STOP_S) for number in numbers))

    async def stop_all(self) -> None:
        """SIGTERM to all."""
        await self.stop(*range(len(self.workers)))

    def rss_mb(self) -> list[float]:
        """Resident memory of each that runs."""
        sizes = []
        for worker in self.workers:
            if worker.running:
                pages = int(Path(f"/proc/{worker.pid}/statm").read_text().split()[1])
                sizes.append(pages * os.sysconf("SC_PAGE_SIZE") / 1e6)
        return sizes

    def _child(self, number: int) -> Child:
        strike = None
        if self._strikes:
            after = self._rng.randint(10, 60)
            strike = Strike.model_validate({"point": self._strikes.pop(0), "after": after, "sleep_s": self._sleep_s})
        plan = self.plan.model_copy(update={"strike": strike})
        self._starts += 1
        file = self._folder / f"plan-{self._starts}.json"
        file.write_text(plan.model_dump_json())
        environment = os.environ | self._environment | {"PYTHONPATH": str(ROOT)}
        if self._addresses:
            environment |= self._addresses[number]
        command = [sys.executable, "-m", "tests.faults.worker", str(file)]
        child = Child(
            "worker", command, log=self._folder / f"worker-{number}.log", folder=self._folder, env=environment
        )
        child.start()
        return child
