"""`pg_dump` and `pg_restore`: the embedded PostgreSQL's own, or the system's where those cannot reach a server."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from testkase.config.failures import CannotStart
from testkase.config.postgres_account import binaries

_ENCRYPTED = ("require", "verify-ca", "verify-full")


def run_program(name: str, url: str, *arguments: str) -> None:
    """Run it on a database; the password goes by the environment, so that nobody reads it from the list of processes.

    Raises CannotStart with the last thing it said.
    """
    parts: Mapping[str, object] = conninfo_to_dict(url)
    address = make_conninfo(**{key: value for key, value in parts.items() if key != "password"})  # type: ignore[arg-type]
    done = subprocess.run(
        [_find(name, str(parts.get("sslmode") or os.environ.get("PGSSLMODE", ""))), "--no-password", *arguments,
         "--dbname", address],
        env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "PGPASSWORD": str(parts.get("password") or "")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )  # fmt: skip
    if done.returncode != 0:
        said = [line for line in done.stderr.splitlines() if "error:" in line] or done.stderr.splitlines()
        raise CannotStart(f"{name} failed: {said[0].strip() if said else done.returncode}")


def _find(name: str, sslmode: str) -> str:
    """The embedded programs read every server this product runs on (15 to 18), but cannot encrypt connections."""
    if sslmode not in _ENCRYPTED:
        try:
            embedded = binaries(None) / name
        except CannotStart:  # not for this platform
            embedded = Path("/nonexistent")
        if embedded.exists():
            return str(embedded)
    if found := shutil.which(name):
        return found
    raise CannotStart(f"{name} is needed and was not found: install PostgreSQL's client programs, version 18 or newer.")
