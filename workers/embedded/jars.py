"""Kafka's jars from Maven Central, by `jgo`, once; kept in its caches (`~/.m2/repository`, `~/.cache/jgo`)."""

import json
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from workers.embedded.child import Child
from workers.embedded.errors import EmbeddedError

KAFKA_VERSION = "4.1.0"
# slf4j-simple gives the broker a log on stderr without a configuration file.
ENDPOINT = f"org.apache.kafka:kafka_2.13:{KAFKA_VERSION}+org.slf4j:slf4j-simple:1.7.36"
_FETCH_TIMEOUT_S = 600.0
_PROGRAM = Path(__file__).with_name("fetch_jars.py")

Fetch = Callable[[Path], Awaitable[list[Path]]]


async def kafka_jars(folder: Path, on_progress: Callable[[str], None], fetch: Fetch | None = None) -> list[Path]:
    """From the list in the folder while its files are all there: a later start needs neither jgo nor network."""
    known = folder / "jars.json"
    try:
        content = json.loads(known.read_text())
        jars = [Path(jar) for jar in content["jars"]]
        if content["endpoint"] == ENDPOINT and jars and all(jar.is_file() for jar in jars):
            return jars
    except (OSError, ValueError, KeyError, TypeError):
        pass  # none yet, or written by another version
    on_progress(f"Apache Kafka {KAFKA_VERSION}: looking for its jars; 43 MB are fetched where not cached")
    try:
        jars = await (fetch or _fetch)(folder)
    except EmbeddedError as error:
        raise EmbeddedError(
            f"Can't fetch Apache Kafka's jars ({ENDPOINT}, 43 MB from https://repo.maven.apache.org).\n"
            "The first start needs the network; later ones use ~/.m2/repository (or M2_REPO) and ~/.cache/jgo (or "
            "JGO_CACHE_DIR), which may be copied from another machine. "
            "With a broker at hand, set KAFKA_BOOTSTRAP_SERVERS instead.\n"
            f"{error}"
        ) from None
    known.write_text(json.dumps({"endpoint": ENDPOINT, "jars": [str(jar) for jar in jars]}, indent=1))
    return jars


async def _fetch(folder: Path) -> list[Path]:
    output = folder / "jars.fetched"
    output.unlink(missing_ok=True)
    # A process of its own, since a thread can't be stopped half-way. -P: our redis.py beside it is not the package.
    command = [sys.executable, "-P", str(_PROGRAM), ENDPOINT, str(output)]
    child = Child("jgo", command, log=folder / "jars.log", folder=folder)
    child.start()
    try:
        await child.ended(_FETCH_TIMEOUT_S)
        return [Path(jar) for jar in output.read_text().splitlines()]
    finally:
        await child.stop(1.0)
        output.unlink(missing_ok=True)
