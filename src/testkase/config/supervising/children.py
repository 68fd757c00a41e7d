"""What a child process does between fork and exec: die with its parent, and know who it runs as.

Everything here runs in the forked child, so it only makes system calls; libc is loaded beforehand, in the parent.
"""

import ctypes
import os
import signal
import sys
from collections.abc import Callable

_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None
_PR_SET_PDEATHSIG = 1
_CLONE_NEWUSER = 0x10000000
_NOBODY = 65534


def dies_with_parent(stop_signal: signal.Signals = signal.SIGTERM) -> Callable[[], None]:
    """A `preexec_fn`: the kernel sends `stop_signal` to the child when the thread that started it is gone, even by
    kill -9. Only Linux knows this; elsewhere children of a killed supervisor are found at its next start."""
    parent = os.getpid()

    def prepare() -> None:
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_PDEATHSIG, int(stop_signal))
            if os.getppid() != parent:  # the parent died between fork and prctl
                os._exit(1)

    return prepare


def die_with_parent(stop_signal: signal.Signals = signal.SIGTERM) -> None:
    """The same, asked for by a child that is already running."""
    if _LIBC is not None:
        _LIBC.prctl(_PR_SET_PDEATHSIG, int(stop_signal))


def appears_as_nobody() -> None:
    """A `preexec_fn` for programs that insist on a name for their uid where /etc/passwd has none: in a user namespace
    of its own the child is `nobody`, while the files it makes still belong to the real uid."""
    uid, gid = os.getuid(), os.getgid()
    if _LIBC is None or _LIBC.unshare(_CLONE_NEWUSER) != 0:
        os._exit(126)
    for name, line in (("setgroups", "deny"), ("uid_map", f"{_NOBODY} {uid} 1"), ("gid_map", f"{_NOBODY} {gid} 1")):
        descriptor = os.open(f"/proc/self/{name}", os.O_WRONLY)
        os.write(descriptor, line.encode())
        os.close(descriptor)
