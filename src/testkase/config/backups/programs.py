"""`pg_dump` and `pg_restore`: the embedded PostgreSQL's own, or the system's where those cannot reach a server."""

import contextlib
import itertools
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from psycopg.conninfo import conninfo_to_dict, make_conninfo

from testkase.config.failures import CannotStart
from testkase.config.postgres.account import binaries

_KNOWS_TIMEOUT = 170_000
_LINES_OF_SETTINGS = 100
_CLEAR = "no encryption"
"""In what a server says that lets nobody in whose connection anybody on the way could read."""
_ENCRYPTED = ("require", "verify-ca", "verify-full")


def run_program(name: str, url: str, *arguments: str) -> None:
    """Run it on a database. Raises CannotStart with the first thing it complained of."""
    address, environ = _address(url)
    command = [_find(name, url), "--no-password", *arguments, "--dbname", address]
    done = subprocess.run(command, env=environ, stdin=subprocess.DEVNULL, capture_output=True, check=False)
    if done.returncode != 0:
        raise CannotStart(_complaint(name, done.stderr))


def load_dump(url: str, dump: Path, *, server_version: int) -> None:
    """Everything of a dump or nothing. Raises CannotStart."""
    if server_version >= _KNOWS_TIMEOUT:
        run_program("pg_restore", url, "--single-transaction", "--exit-on-error", str(dump))
    else:
        _load_as_script(url, dump)


def _load_as_script(url: str, dump: Path) -> None:
    """Older servers do not know one setting that pg_restore makes at the beginning: the script without it. It is
    committed by its last line, which is written when all else was: whoever is killed before has loaded nothing."""
    address, environ = _address(url)
    write = [_find("pg_restore", url), "--exit-on-error", "--file=-", str(dump)]
    load = [
        _find("psql", url), "--no-password", "--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname", address,
    ]  # fmt: skip
    with (
        tempfile.TemporaryFile() as complaints,
        subprocess.Popen(write, env=environ, stdout=subprocess.PIPE, stderr=complaints) as writing,
        subprocess.Popen(
            load, env=environ, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=complaints
        ) as loading,
    ):
        assert writing.stdout is not None
        assert loading.stdin is not None
        with contextlib.suppress(BrokenPipeError), loading.stdin as script:
            script.write(b"BEGIN;\n")
            for line in itertools.islice(writing.stdout, _LINES_OF_SETTINGS):
                if not line.startswith(b"SET transaction_timeout"):
                    script.write(line)
            shutil.copyfileobj(writing.stdout, script)
            if writing.wait() == 0:
                script.write(b"COMMIT;\n")
        writing.stdout.close()
        if loading.wait() or writing.wait():
            complaints.seek(0)
            raise CannotStart(_complaint("pg_restore", complaints.read()))


def _address(url: str) -> tuple[str, dict[str, str]]:
    """The password goes by the environment, so that nobody reads it from the list of processes. What else the
    environment says of PostgreSQL holds for them as it does for us: the address may leave it out."""
    parts = conninfo_to_dict(url)
    environ = {name: value for name, value in os.environ.items() if name.startswith("PG") or name in ("PATH", "HOME")}
    if password := parts.pop("password", None):
        environ["PGPASSWORD"] = str(password)
    environ["LC_ALL"] = "C"
    return make_conninfo(**parts), environ  # type: ignore[arg-type]


def _complaint(name: str, said: bytes) -> str:
    lines = said.decode(errors="replace").splitlines()
    telling = [line for line in lines if "error:" in line.lower()] or lines
    first = telling[0].strip() if telling else "it did not say why"
    hint = ". The embedded programs cannot encrypt: say sslmode=require in DATABASE_URL" if _CLEAR in first else ""
    return f"{name} failed: {first}{hint}"


def _find(name: str, url: str) -> str:
    """The embedded programs work with every server this product runs on (15 to 18), but cannot encrypt connections."""
    if (conninfo_to_dict(url).get("sslmode") or os.environ.get("PGSSLMODE")) not in _ENCRYPTED:
        with contextlib.suppress(CannotStart):  # not for this platform
            if (embedded := binaries(None) / name).exists():
                return str(embedded)
    if found := shutil.which(name):
        return found
    raise CannotStart(f"{name} is needed and was not found: install PostgreSQL's client programs, version 18 or newer.")
