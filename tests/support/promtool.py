"""Prometheus' own promtool: from PATH, else unpacked from Debian's package, without installing it."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

_CACHE = Path(__file__).parents[2] / ".talentstream" / "promtool"
_HOW = "promtool is needed to check workers/alerts.yml; put it on PATH (Debian: apt-get install prometheus)"


def promtool() -> Path:
    """The executable; fetched once, then kept in `.talentstream/`.

    Raises:
        RuntimeError: it can't be had; says how to install it.
    """
    if found := shutil.which("promtool"):
        return Path(found)
    cached = _CACHE / "promtool"
    if not cached.exists():
        try:
            _fetch(cached)
        except (OSError, subprocess.SubprocessError) as error:
            output = getattr(error, "stdout", None) or ""
            raise RuntimeError(f"{_HOW}. Fetching it failed: {error}\n{output}") from error
    return cached


def _fetch(target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        try:
            _run("apt-get", "download", "prometheus", cwd=folder)
        except subprocess.CalledProcessError:
            if os.geteuid() != 0:
                raise
            # An image without package lists; only root may fetch them.
            _run("apt-get", "update", cwd=folder)
            _run("apt-get", "download", "prometheus", cwd=folder)
        (package,) = Path(folder).glob("prometheus_*.deb")
        _run("dpkg", "-x", str(package), folder, cwd=folder)
        # In one step, so that a run that is killed leaves no half of it.
        (Path(folder) / "usr/bin/promtool").replace(target)


def _run(*command: str, cwd: str) -> None:
    subprocess.run(
        command, cwd=cwd, check=True, timeout=300, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
