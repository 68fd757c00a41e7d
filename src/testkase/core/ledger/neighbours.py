"""The engines of this machine's processes, and which of them writes for an organization.

An engine decides from what it remembers of an organization (heads.py) only while nobody else writes to it. So processes
that run beside each other on one machine pass commands on: for each organization that several are asked for there is
one of them that writes, and the others ask it, through a socket in a folder that only their user may enter
(docs/decisions/0020-neighbours.md).

Nothing rests on it. Who does not answer is not asked any more, and what it left unanswered is executed here, with the
same ids. Two that each believe they write for an organization are as right as two machines that do.
"""

import asyncio
import contextlib
import hashlib
import os
import stat
from functools import cache
from pathlib import Path

import structlog

from testkase.core.ledger.neighbour import Door, GiveBack, Neighbour, Take
from testkase.foundation.settings import Settings

LOOK_SECONDS = 1.0
"""How often to look for newcomers."""

GREETING_SECONDS = 1.0
"""A newcomer that does not answer for so long is left alone until the next look."""

_MOST_REMEMBERED = 100_000
_SUFFIX = ".engine"

_log = structlog.get_logger(__name__)


def meeting_place(database_url: str, secret_key: str) -> Path:
    """The folder in which engines find each other that have one database, one secret and the same code. In /tmp, where
    the paths of sockets are short enough, and whoever may enter is checked before it is used."""
    what = hashlib.blake2b(digest_size=12)
    for part in (database_url.encode(), secret_key.encode(), _code()):
        what.update(len(part).to_bytes(8, "big") + part)
    return Path("/tmp") / f"testkase-{os.getuid()}-engines-{what.hexdigest()}"  # noqa: S108


@cache
def _code() -> bytes:
    """Of the ledger: in the middle of an upgrade, each version decides by its own rules."""
    found = hashlib.blake2b()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        found.update(path.read_bytes())
    return found.digest()


class Neighbours:
    """Used by one engine. `writes`: whether others may ask it; a process that is busy with other things only asks."""

    def __init__(self, place: Path, *, writes: bool = True) -> None:
        self._place = place
        self._writes = writes
        self._name = f"{os.getpid()}-{os.urandom(4).hex()}"
        self._met: dict[str, Neighbour] = {}
        """Who is asked."""
        self._owners: dict[int, Neighbour | None] = {}
        """Of organizations that were looked for lately; None: this engine."""
        self._asked: set[Neighbour] = set()
        """Those whose connections are open, who may have left but not answered everything."""
        self._doors: set[Door] = set()
        self._server: asyncio.Server | None = None
        self._looking: asyncio.Task[None] | None = None
        self._one_look = asyncio.Lock()
        self._in_the_way = ""
        """Why nobody could be met at the last look."""

    @classmethod
    def from_settings(cls, settings: Settings, *, writes: bool = True) -> "Neighbours | None":
        """None: they are switched off, or there is no database."""
        if not settings.ledger_neighbours or settings.app_database_url is None:
            return None
        return cls(meeting_place(settings.app_database_url, settings.secret_key), writes=writes)

    async def open(self, take: Take, give_back: GiveBack) -> None:
        """Be found, and find the others. `take` executes what they ask, `give_back` what they left undone. Where there
        is no meeting, this engine is alone and does everything itself."""
        self._take, self._give_back = take, give_back
        await self.look()
        self._looking = asyncio.create_task(self._keep_looking(), name="ledger-neighbours")

    def owner(self, org_id: int) -> Neighbour | None:
        """Who writes for an organization; None: this engine."""
        if not self._met:
            return None
        if org_id not in self._owners:
            if len(self._owners) >= _MOST_REMEMBERED:
                self._owners.clear()
            names = [*self._met, self._name] if self._writes else [*self._met]
            # The one that comes first in an order of its own: whoever comes or goes moves no organization of others.
            self._owners[org_id] = self._met.get(max(names, key=lambda name: _order(name, org_id)))
        return self._owners[org_id]

    def met(self) -> list[Neighbour]:
        """Who is asked."""
        return [*self._met.values()]

    async def leave(self) -> None:
        """Ask nobody any more, and have everything that was asked; be found no more."""
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.gather(self._looking, return_exceptions=True)
        if self._server is not None:
            _take_away(self._socket())
            self._server.close()
        self._met.clear()
        await asyncio.gather(*(one.idle.wait() for one in self._asked))

    async def close(self) -> None:
        """Once all that was asked of this engine is answered."""
        for one in self._asked:
            one.end()
        await asyncio.gather(*(door.close() for door in self._doors))
        with contextlib.suppress(OSError):  # others are still there
            self._place.rmdir()

    async def _be_found(self) -> None:
        """Raises OSError where that cannot be, or others could enter."""
        for _ in range(3):
            self._place.mkdir(mode=0o700, exist_ok=True)
            self._check_place()
            if not self._writes or self._socket().exists():
                return
            with contextlib.suppress(FileNotFoundError):  # whoever left last has taken the folder away just now
                await self._listen()
                return

    def _check_place(self) -> None:
        """Raises OSError where it is gone, or others could enter. Its name is no secret: once whoever left last has
        taken it away, anybody on the machine may make one."""
        found = self._place.lstat()
        if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.getuid() or found.st_mode & 0o077:
            raise PermissionError(f"{self._place} is not a folder of this user's alone")

    async def _listen(self) -> None:
        loop, draft = asyncio.get_running_loop(), self._place / f"{self._name}.draft"
        if self._server is not None:  # nobody finds it any more
            self._server.close()
            _take_away(draft)
        self._server = await loop.create_unix_server(
            lambda: Door(self._take, self._doors.add, self._doors.discard), str(draft), start_serving=False
        )
        self._check_place()
        await self._server.start_serving()
        draft.rename(self._socket())  # it listens: whoever finds a socket that refuses may take it away

    def _socket(self) -> Path:
        return self._place / f"{self._name}{_SUFFIX}"

    async def _keep_looking(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self.look()

    async def look(self) -> None:
        """Meet newcomers. What is in the way may go: no files can be opened just now, or whoever tidies up /tmp has
        taken this socket away, or the folder."""
        async with self._one_look:  # two at once would meet the same one twice
            await self._meet_newcomers()

    async def _meet_newcomers(self) -> None:
        self._asked = {one for one in self._asked if one.is_open}
        known = {one.name for one in self._asked} | {self._name}
        try:
            await self._be_found()
            newcomers = [path for path in self._place.glob(f"*{_SUFFIX}") if path.stem not in known]
        except OSError as error:
            if self._in_the_way != str(error):
                self._in_the_way = str(error)
                _log.warning("ledger_neighbours_cannot_meet", error=self._in_the_way)
            return
        self._in_the_way = ""
        await asyncio.gather(*(self._meet(path) for path in newcomers))

    async def _meet(self, path: Path) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(GREETING_SECONDS):
                _, one = await loop.create_unix_connection(
                    lambda: Neighbour(path.stem, give_back=self._give_back, gone=self._gone), str(path)
                )
        except ConnectionRefusedError:  # nobody listens: it was killed
            _take_away(path)
            return
        except (OSError, TimeoutError):
            return
        try:
            self._check_place()  # now that it is known who is there
            async with asyncio.timeout(GREETING_SECONDS):
                await one.greet()
        except (OSError, TimeoutError):
            one.end()
            return
        except asyncio.CancelledError:
            one.end()
            raise
        self._asked.add(one)
        self._met[one.name] = one
        self._owners.clear()
        _log.info("ledger_neighbour_met", name=one.name)

    def _gone(self, one: Neighbour) -> None:
        if self._met.get(one.name) is one:
            del self._met[one.name]
            self._owners.clear()
            _log.info("ledger_neighbour_gone", name=one.name)


def _take_away(path: Path) -> None:
    with contextlib.suppress(OSError):
        path.unlink()


def _order(name: str, org_id: int) -> bytes:
    return hashlib.blake2b(f"{name}/{org_id}".encode(), digest_size=8).digest()
