import asyncio
import time

from workers import telemetry


async def test_a_blocked_loop_shows() -> None:
    def lag() -> float:
        return float(telemetry.LOOP_LAG.labels("lag-test")._value.get())

    measuring = asyncio.create_task(telemetry.measure_loop_lag("lag-test"))
    await asyncio.sleep(0.3)
    assert lag() < 0.4
    time.sleep(0.8)  # noqa: ASYNC251 - the fault under test
    await asyncio.sleep(0.6)
    assert lag() > 0.5
    measuring.cancel()
