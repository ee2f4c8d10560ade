"""Starts a program that dies with its parent: `python guard.py PARENT_PID PROGRAM ARGUMENT...`, standard library alone.

A `preexec_fn` would do the same, but runs Python between fork and exec, which may deadlock in a process with threads
(gRPC has many). This file is run by a fresh interpreter instead, asks the kernel for SIGKILL at the parent's death, and
becomes the program, so no process is added.

The kernel means the parent *thread*: a part started from a thread other than the main one dies when that thread ends.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Never returns."""
    parent, program = int(sys.argv[1]), sys.argv[2:]
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before we asked
        sys.exit(1)
    try:
        os.execv(program[0], program)  # noqa: S606 - no shell wanted
    except OSError as error:
        sys.exit(f"can't run {program[0]}: {error.strerror}")


if __name__ == "__main__":
    main()
