"""The embedded PostgreSQL: one cluster in one folder, on a Unix socket only, started and stopped by us.

Authentication is scram with passwords kept in the data folder, so that other users of the machine get in neither
through the socket nor by its name. Nothing a client sent is written to the server's log (prompts could be in it).
"""

import hashlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from testkase.config.failures import CannotStart
from testkase.config.log_file import open_log
from testkase.config.postgres.account import Account, account_for, binaries, has_name
from testkase.config.postgres.leftovers import clear_leftovers
from testkase.config.supervising.children import appears_as_nobody, dies_with_parent

OWNER = "testkase_owner"
_LONGEST_SOCKET_PATH = 107
_PORT = 5432
_SOCKET_NAME = f".s.PGSQL.{_PORT}"
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    # An error's text can quote what a client sent, and its client logs it anyway, redacted: LOG, FATAL and PANIC stay.
    "log_min_messages": "log",
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
    "log_line_prefix": "%m [%p] ",
    "timezone": "UTC",
    "max_connections": "100",
}


class EmbeddedPostgres:
    """A cluster in `folder`, made at the first start. `settings` override PostgreSQL's own, by name."""

    def __init__(self, folder: Path, *, password: str, log: Path, settings: Mapping[str, str] | None = None) -> None:
        self.folder = folder
        self.password = password
        self.log = log
        self.settings = {**_SETTINGS, **(settings or {})}
        self.account = account_for(folder)
        self.socket_folder = _socket_folder(folder, self.account)
        self.process: subprocess.Popen[bytes] | None = None

    def url(self, *, user: str = OWNER, password: str | None = None, database: str = "postgres") -> str:
        """A connection URL over the socket. The port is named: a PGPORT in somebody's environment must not count."""
        secret = quote(self.password if password is None else password, safe="")
        return f"postgresql://{user}:{secret}@/{database}?port={_PORT}&host={quote(str(self.socket_folder), safe='')}"

    def start(self, *, timeout_seconds: float = 300) -> None:
        """Start, making the cluster first where there is none, and wait until it answers.

        Recovery after a crash may take minutes; it is waited for as long as the server is alive.
        """
        programs = binaries(self.account)
        if not (self.folder / "PG_VERSION").exists():
            self._make_cluster(programs)
        self._check_version(programs)
        clear_leftovers(self.folder, self.socket_folder / f"{_SOCKET_NAME}.lock")
        self._prepare_socket_folder()
        command = [str(programs / "postgres"), "-D", self._argument_for(self.folder), "-k", str(self.socket_folder)]
        for name, value in self.settings.items():
            command += ["-c", f"{name}={value}"]
        with open_log(self.log) as log:
            self.process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                # A killed supervisor's application and worker still finish what they have begun: the server turns
                # newcomers away and ends when they have left. The next start does not wait for anybody else.
                preexec_fn=dies_with_parent(signal.SIGTERM),  # noqa: PLW1509 - started before any thread
                **self._as_account(self.folder),
            )
        self._wait_until_it_answers(timeout_seconds)

    @property
    def ended(self) -> bool:
        """Whether a server that was started has ended by itself."""
        return self.process is not None and self.process.poll() is not None

    def stop(self, *, timeout_seconds: float = 60) -> None:
        """Disconnect everyone, write everything, end. Killed where that takes too long: recovery makes it good."""
        if self.process is None:
            return
        self.process.send_signal(signal.SIGINT)
        try:
            self.process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self.process.send_signal(signal.SIGQUIT)
            self.process.wait(10)
        self.process = None
        shutil.rmtree(self.socket_folder, ignore_errors=True)

    def _argument_for(self, cluster: Path) -> str:
        """Through the inherited working directory no parent folder needs to be open to the account."""
        return "/proc/self/cwd" if self.account else str(cluster)

    def _as_account(self, cluster: Path) -> dict[str, Any]:
        arguments: dict[str, Any] = {"cwd": cluster, "start_new_session": True, "env": _environment()}
        return arguments | (self.account.popen_arguments() if self.account else {})

    def _make_cluster(self, programs: Path) -> None:
        """Run initdb beside the final place and rename, so that a start that was killed leaves no half-made cluster."""
        draft = self.folder.with_name(f"{self.folder.name}.making")
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True, mode=0o700)
        uid = self.account.uid if self.account else os.getuid()
        if self.account:
            os.chown(draft, self.account.uid, self.account.gid)
        with tempfile.NamedTemporaryFile("w") as password:
            password.write(self.password)
            password.flush()
            os.chown(password.name, uid, -1)
            done = subprocess.run(
                [str(programs / "initdb"), "-D", self._argument_for(draft), "-U", OWNER, "--pwfile", password.name,
                 "--auth=scram-sha-256", "--encoding=UTF8", "--locale=C", "--locale-provider=builtin",
                 "--builtin-locale=C.UTF-8"],
                capture_output=True,
                check=False,
                preexec_fn=None if has_name(uid) else appears_as_nobody,
                **self._as_account(draft),
            )  # fmt: skip
        if done.returncode != 0:
            shutil.rmtree(draft, ignore_errors=True)
            if not has_name(uid):
                raise CannotStart(
                    f"PostgreSQL needs a name for user id {uid} in /etc/passwd: add one, or set DATABASE_URL."
                )
            reason = (done.stderr or done.stdout).decode(errors="replace").strip().splitlines()[-1:]
            raise CannotStart(f"PostgreSQL could not make its data folder {self.folder}: {' '.join(reason)}")
        draft.rename(self.folder)

    def _check_version(self, programs: Path) -> None:
        ours = subprocess.run([str(programs / "postgres"), "--version"], capture_output=True, check=False, text=True)
        if ours.returncode != 0:  # killed, or it cannot run here: what it said is the reason
            raise CannotStart(f"{programs / 'postgres'} could not be run: {ours.stderr.strip() or ours.returncode}.")
        major = ours.stdout.split()[-1].split(".")[0]
        theirs = (self.folder / "PG_VERSION").read_text().strip()
        if theirs != major:
            raise CannotStart(
                f"{self.folder} was made by PostgreSQL {theirs}, this is PostgreSQL {major}: "
                "carry the data over with pg_dump, or choose another TESTKASE_DATA."
            )

    def _prepare_socket_folder(self) -> None:
        self.socket_folder.mkdir(mode=0o700, exist_ok=True)
        owner = self.account.uid if self.account else os.getuid()
        if self.socket_folder.is_symlink() or self.socket_folder.stat().st_uid not in (os.getuid(), owner):
            raise CannotStart(
                f"{self.socket_folder} belongs to someone else: remove it, or choose another TESTKASE_DATA."
            )
        self.socket_folder.chmod(0o700)
        if self.account:
            os.chown(self.socket_folder, self.account.uid, self.account.gid)

    def _wait_until_it_answers(self, timeout_seconds: float) -> None:
        process = self.process
        assert process is not None
        deadline = time.monotonic() + timeout_seconds
        while True:
            try:
                psycopg.connect(self.url(), connect_timeout=5).close()
                return
            except psycopg.OperationalError as error:
                if "password authentication failed" in str(error):
                    self.stop()
                    raise CannotStart(
                        f"The password in secrets.json does not open the database in {self.folder}: "
                        "restore the file that was made with it."
                    ) from error
            if process.poll() is not None:
                raise CannotStart(f"PostgreSQL ended at once; see {self.log}: {last_line(self.log)}")
            if time.monotonic() > deadline:
                self.stop()
                raise CannotStart(f"PostgreSQL did not answer within {timeout_seconds:.0f} s; see {self.log}.")
            time.sleep(0.03)


def last_line(log: Path) -> str:
    """The last line of a log that says something, for messages."""
    lines = [line for line in log.read_text(errors="replace").splitlines() if line.strip()]
    telling = [line for line in lines if "FATAL" in line or "ERROR" in line or "PANIC" in line]
    return (telling or lines or [""])[-1].strip()


def _socket_folder(folder: Path, account: Account | None) -> Path:
    """Beside the cluster where the path is short enough and ours; otherwise a folder in /tmp named after it."""
    beside = folder.parent / "run"
    if account is None and len(os.fsencode(beside / f"{_SOCKET_NAME}.lock")) <= _LONGEST_SOCKET_PATH:
        return beside
    name = hashlib.blake2b(os.fsencode(folder), digest_size=8).hexdigest()
    return Path("/tmp") / f"testkase-{os.getuid()}-{name}"  # noqa: S108 - its owner is checked before use


def _environment() -> dict[str, str]:
    """No PG* variable of the caller, no locale, no secret reaches the server."""
    return {"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "LC_ALL": "C", "TZ": "UTC"}
