"""Lists a Maven endpoint's jars, fetched where needed: `python -P fetch_jars.py ENDPOINT OUTPUT` (see `jars.py`)."""

import fcntl
import os
import sys
import tempfile
from pathlib import Path

import jgo


def main(endpoint: str, output: Path) -> None:
    """The output appears when it is complete."""
    # jgo's downloads are not atomic: two first starts at once would read each other's half files.
    with (Path(tempfile.gettempdir()) / f"talentstream-jars-{os.getuid()}.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        environment = jgo.build(endpoint)
    draft = output.with_suffix(".draft")
    draft.write_text("\n".join(str(jar) for jar in environment.all_jars))
    draft.replace(output)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
