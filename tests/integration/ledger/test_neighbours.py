"""Engines of one machine: one writes for an organization, the others ask it; whatever becomes of it, nothing is lost,
nothing happens twice, and everything stays in order."""

import asyncio
import errno
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import msgspec
import pytest

from testkase.core.ledger import engine as engines_module
from testkase.core.ledger import neighbour as neighbour_module
from testkase.core.ledger import neighbours as neighbours_module
from testkase.core.ledger.commands import Command, Grant
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.engine import Engine
from testkase.core.ledger.neighbour import Door, Neighbour
from testkase.core.ledger.neighbours import Neighbours, meeting_place
from testkase.core.ledger.operations import Answer, Outcome
from testkase.core.ledger.queries import balance
from testkase.core.ledger.refusals import InsufficientCredits, InvalidCommand
from testkase.core.ledger.verify import verify
from testkase.core.ledger.waiting import Waiting
from testkase.foundation.database import SyncDatabase
from testkase.foundation.problems import Unavailable
from tests.support.ledger import fresh_org, hold, open_account, settle

Begin = Callable[..., Awaitable[Engine]]


@pytest.fixture
def place() -> Iterator[Path]:
    """Where engines meet. The paths of sockets are short."""
    folder = Path(tempfile.mkdtemp(prefix="tk-", dir="/tmp"))
    yield folder / "engines"
    shutil.rmtree(folder)


@pytest.fixture
async def begin(app_url: str, place: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Begin]:
    """Start an engine beside those that are there."""
    monkeypatch.setattr(neighbours_module, "LOOK_SECONDS", 0.05)
    running: list[Engine] = []

    async def begun(*, writes: bool = True, at: Path = place) -> Engine:
        engine = Engine(app_url, neighbours=Neighbours(at, writes=writes))
        running.append(engine)
        await engine.start()
        return engine

    yield begun
    for engine in running:
        await engine.stop()


@pytest.fixture
async def two(begin: Begin) -> list[Engine]:
    """Two that know each other."""
    engines = [await begin(), await begin()]
    await _until(lambda: all(len(_met(one)) == 1 for one in engines))
    return engines


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Engine, int]]:
    """Which engine wrote for which organization, command by command."""
    found, put = list[tuple[Engine, int]](), Engine._put

    def listen(self: Engine, waiting: Waiting) -> bool:
        found.append((self, waiting[0].org_id))
        return put(self, waiting)

    monkeypatch.setattr(Engine, "_put", listen)
    return found


async def test_what_both_are_asked_for_is_soon_written_by_one_of_them(
    two: Sequence[Engine], written: list[tuple[Engine, int]]
) -> None:
    orgs = [fresh_org() for _ in range(40)]
    for org_id in orgs:
        await two[0].submit(open_account(org_id))
        for number in range(5):
            await two[number % 2].submit(hold(org_id, f"h{number}"))
    refuted = [engine.heads.refuted for engine in two]
    assert sum(refuted) <= 2 * len(orgs)  # each of them once an organization
    written.clear()
    for org_id in orgs:
        answers = [await two[number % 2].submit(hold(org_id, f"h{number}")) for number in range(5, 11)]
        assert not any(answer.replayed for answer in answers)
    by = [{org_id for engine, org_id in written if engine is one} for one in two]
    assert by[0] | by[1] == set(orgs)
    assert not by[0] & by[1]
    assert min(map(len, by)) > 5  # each has its share
    assert [engine.heads.refuted for engine in two] == refuted


async def test_what_one_alone_is_asked_for_stays_with_it(
    two: Sequence[Engine], written: list[tuple[Engine, int]]
) -> None:
    """Although the neighbour would write for it."""
    org_id = await _owned_by(two[1], two)
    await two[0].submit(open_account(org_id))
    await two[0].submit_many([hold(org_id, f"h{number}") for number in range(40)])
    assert {engine for engine, _ in written} == {two[0]}


async def test_a_repetition_is_nobody_elses_writing(two: Sequence[Engine]) -> None:
    org_id = await _owned_by(two[1], two)
    await two[0].submit(open_account(org_id))
    await two[0].submit(hold(org_id, "h"))
    two[0].heads._ids.clear()  # it came so long ago that it is not known any more
    assert (await two[0].submit(hold(org_id, "h"))).replayed
    assert not two[0].heads.is_shared(org_id)


async def test_a_process_that_only_asks_is_never_asked(begin: Begin, written: list[tuple[Engine, int]]) -> None:
    writes, asks = await begin(), await begin(writes=False)
    orgs = [fresh_org() for _ in range(8)]
    for one in (writes, asks):
        one.heads.share(orgs)
    await asks.submit_many([open_account(org_id) for org_id in orgs])
    await writes.submit_many([hold(org_id, "h") for org_id in orgs])
    assert {engine for engine, _ in written} == {writes}
    assert not _met(writes)


async def test_an_engine_that_is_alone_does_everything_itself(begin: Begin) -> None:
    alone, org_id = await begin(writes=False), fresh_org()
    alone.heads.share([org_id])
    await alone.submit(open_account(org_id))
    assert alone.heads.knows(org_id)


@pytest.mark.requirement("I6", "P18")
async def test_refusals_come_as_they_would_here(two: Sequence[Engine]) -> None:
    org_id = await _passed_on_to(two[1], two)
    await two[0].submit(open_account(org_id, 5))
    with pytest.raises(InsufficientCredits) as refused:
        await two[0].submit(hold(org_id, "h", 6))
    assert refused.value.facts["available"] == 5 * MICRO
    with pytest.raises(InvalidCommand):
        await two[0].submit(msgspec.structs.replace(hold(org_id, "h"), amount=2**70))


@pytest.mark.requirement("I5")
async def test_one_that_goes_away_in_the_middle_is_done_without_and_nothing_happens_twice(
    two: Sequence[Engine], monkeypatch: pytest.MonkeyPatch, books: SyncDatabase
) -> None:
    """It has written what it was asked and says nothing of it; or it has not even begun."""
    org_id = await _passed_on_to(two[1], two)
    await two[0].submit(open_account(org_id, 1_000))

    def lose(door: Door, *_: object, **__: object) -> None:
        door._transport.abort()

    with monkeypatch.context() as untold:
        untold.setattr(Door, "_tell", lose)
        outcomes = await two[0].submit_many([hold(org_id, f"h{number}") for number in range(50)])
    assert [type(one) for one in outcomes] == [Answer] * 50
    assert not any(one.replayed for one in outcomes if isinstance(one, Answer))
    assert books.run(balance(org_id), org_id=org_id).held == 50 * MICRO
    again = await two[0].submit_many([hold(org_id, f"h{number}") for number in range(50)])
    assert all(isinstance(one, Answer) and one.replayed for one in again)
    monkeypatch.setattr(Door, "_ask", lose)
    await _until(lambda: len(_met(two[0])) == 1)
    answer = await two[0].submit(settle(org_id, "h7", 0.5))
    assert (answer.replayed, answer.entry.deltas.used) == (False, MICRO // 2)


async def test_what_came_before_it_was_asked_is_a_repetition_all_the_same(
    two: Sequence[Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engines_module, "CLOCKS_APART", 0)
    org_id = await _passed_on_to(two[1], two)
    await two[0].submit(open_account(org_id))
    first = await two[0].submit(hold(org_id, "h"))
    await asyncio.sleep(0.1)
    monkeypatch.setattr(Door, "_ask", lambda door, *_, late: door._transport.abort())
    again = await two[0].submit(hold(org_id, "h"))
    assert (again.replayed, again.entry.seq) == (True, first.entry.seq)


async def test_one_that_says_nothing_is_left_alone_until_it_speaks(
    two: Sequence[Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A process that stands still takes connections all the same."""
    monkeypatch.setattr(neighbour_module, "SILENCE_SECONDS", 0.1)
    monkeypatch.setattr(neighbours_module, "GREETING_SECONDS", 0.1)
    org_id = await _passed_on_to(two[1], two)
    await two[0].submit(open_account(org_id))
    with monkeypatch.context() as silence:
        silence.setattr(Door, "data_received", lambda *_: None)
        answers = await two[0].submit_many([hold(org_id, "h"), settle(org_id, "h", 1)])
        assert all(isinstance(one, Answer) for one in answers)
        assert not _met(two[0])
        await asyncio.sleep(0.3)  # several looks
        assert not _met(two[0])
    await _until(lambda: len(_met(two[0])) == 1)


@pytest.mark.requirement("I6")
async def test_one_that_stood_still_does_nothing_that_was_refused_meanwhile(
    two: Sequence[Engine], monkeypatch: pytest.MonkeyPatch, books: SyncDatabase
) -> None:
    """What it was asked lies in its socket until it goes on, whoever asked."""
    monkeypatch.setattr(neighbour_module, "SILENCE_SECONDS", 0.1)
    org_id = await _passed_on_to(two[1], two)
    await two[0].submit(open_account(org_id, 1))
    hear, lying = Door.data_received, list[tuple[Door, bytes]]()
    with monkeypatch.context() as silence:
        silence.setattr(Door, "data_received", lambda door, data: lying.append((door, data)))
        with pytest.raises(Unavailable):  # it may be accepted yet, for all that is known here
            await two[0].submit(hold(org_id, "h", 2))
        await two[0].submit(Grant(org_id=org_id, grant_id="g", amount=5 * MICRO))
    for door, data in lying:
        hear(door, data)
    await two[1].submit(Grant(org_id=org_id, grant_id="after it", amount=MICRO))
    assert books.run(balance(org_id), org_id=org_id).held == 0


async def test_one_that_the_database_keeps_waiting_is_not_taken_for_gone(
    two: Sequence[Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows are locked, or the disk is slow. Here they would be as well."""
    monkeypatch.setattr(neighbour_module, "SILENCE_SECONDS", 0.1)
    org_id = await _passed_on_to(two[1], two)
    await two[0].submit(open_account(org_id))
    take, gate = two[1]._take, asyncio.Event()
    monkeypatch.setattr(
        _door(two[1]), "_take", lambda *asked: asyncio.ensure_future(_after(gate, partial(take, *asked)))
    )
    there = _met(two[0])
    asked = asyncio.ensure_future(two[0].submit(hold(org_id, "h")))
    await asyncio.sleep(0.5)
    gate.set()
    assert not (await asked).replayed
    assert _met(two[0]) == there
    assert two[1].heads.knows(org_id)


async def test_one_that_is_busy_is_not_taken_for_silent_while_this_process_stands_still(
    two: Sequence[Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbour_module, "SILENCE_SECONDS", 0.05)
    org_id = await _passed_on_to(two[1], two)
    await two[0].submit(open_account(org_id))
    asked = asyncio.ensure_future(two[0].submit(hold(org_id, "h")))
    await asyncio.sleep(0)
    (neighbour,) = _met(two[0])
    assert neighbour.asked
    neighbour._heard_at -= 10  # as if nothing had been read for so long
    neighbour._look(again=False)
    assert not (await asked).replayed
    assert _met(two[0]) == [neighbour]


@pytest.mark.requirement("I7")
async def test_what_was_not_taken_never_overtakes_what_was(
    two: Sequence[Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The hold is taken and slow, its settlement is not taken: asked here at once, there would be no hold."""
    org_id = await _passed_on_to(two[1], two)
    await two[0].submit(open_account(org_id))
    take, told, gate = two[1]._take, list[str](), asyncio.Event()

    def first_alone(command: Command, since: float) -> "asyncio.Future[Outcome] | None":
        if told:
            return None
        told.append(command.operation_id)
        return asyncio.ensure_future(_after(gate, partial(take, command, since)))

    monkeypatch.setattr(_door(two[1]), "_take", first_alone)
    asked = asyncio.ensure_future(two[0].submit_many([hold(org_id, "h"), settle(org_id, "h", 1)]))
    await _until(lambda: not _met(two[0]))  # it has said that it takes no more
    await asyncio.sleep(0.05)
    assert not asked.done()
    gate.set()
    opened, settled = await asked
    assert isinstance(opened, Answer)
    assert isinstance(settled, Answer)
    assert settled.entry.seq == opened.entry.seq + 1


async def test_one_that_has_too_much_to_do_is_helped(two: Sequence[Engine], monkeypatch: pytest.MonkeyPatch) -> None:
    org_id = await _passed_on_to(two[1], two)
    await two[0].submit(open_account(org_id))
    monkeypatch.setattr(two[1], "_put", lambda _: False)
    answer = await two[0].submit(hold(org_id, "h"))
    assert not answer.replayed
    assert two[0].heads.knows(org_id)


@pytest.mark.requirement("I5")
async def test_what_was_not_taken_and_came_before_is_a_repetition(
    two: Sequence[Engine], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However short before: of what it has not taken, it has done nothing."""
    org_id = await _passed_on_to(two[1], two)
    await two[0].submit(open_account(org_id))
    first = await two[0].submit(hold(org_id, "h"))
    monkeypatch.setattr(two[1], "_put", lambda _: False)
    again = await two[0].submit(hold(org_id, "h"))
    assert (again.replayed, again.entry.seq) == (True, first.entry.seq)


async def test_who_waits_for_too_much_is_turned_away(two: Sequence[Engine], monkeypatch: pytest.MonkeyPatch) -> None:
    org_id = await _passed_on_to(two[1], two)
    await two[0].submit(open_account(org_id))
    monkeypatch.setattr(engines_module, "MAX_QUEUE", 3)
    outcomes = await two[0].submit_many([hold(org_id, f"h{number}") for number in range(5)])
    assert [type(one) for one in outcomes] == [Answer] * 3 + [Unavailable] * 2


@pytest.mark.parametrize("leaving", [0, 1])
async def test_stopping_either_of_them_under_load_loses_nothing(
    two: Sequence[Engine], books: SyncDatabase, leaving: int
) -> None:
    orgs = [await _passed_on_to(engine, two) for engine in two for _ in range(3)]
    await two[0].submit_many([open_account(org_id, 10_000) for org_id in orgs])
    accepted = dict.fromkeys(orgs, 0)

    async def call(caller: int) -> None:
        for number in range(60):
            org_id = orgs[(caller + number) % len(orgs)]
            answer = await two[1 - leaving].submit(hold(org_id, f"{caller}.{number}"))
            assert not answer.replayed
            accepted[org_id] += 1

    callers = [asyncio.ensure_future(call(number)) for number in range(20)]
    await asyncio.sleep(0.05)
    others = [two[leaving].submit(Grant(org_id=org_id, grant_id="last", amount=MICRO)) for org_id in orgs]
    given = asyncio.gather(*others, return_exceptions=True)
    await asyncio.sleep(0)
    await two[leaving].stop()
    await asyncio.gather(*callers)
    assert all(isinstance(one, Answer) for one in await given)
    assert not _met(two[1 - leaving])
    assert {org_id: books.run(balance(org_id), org_id=org_id).held // MICRO for org_id in orgs} == accepted
    assert sum(accepted.values()) == 20 * 60
    _clean(books, orgs)


async def test_three_of_which_one_after_the_other_is_lost_stay_right(begin: Begin, books: SyncDatabase) -> None:
    """Connections between them break at random under load; everything is asked for twice, by two of them."""
    engines = [await begin() for _ in range(3)]
    await _until(lambda: all(len(_met(one)) == 2 for one in engines))
    orgs = [fresh_org() for _ in range(9)]
    for one in engines:
        one.heads.share(orgs)
    await engines[0].submit_many([open_account(org_id, 10_000) for org_id in orgs])

    async def call(caller: int) -> None:
        for number in range(40):
            org_id, name = orgs[(caller + number) % len(orgs)], f"{caller}.{number}"
            twice = await asyncio.gather(
                engines[caller % 3].submit(hold(org_id, name)),
                engines[(caller + number) % 3].submit(hold(org_id, name)),
            )
            assert twice[0].entry == twice[1].entry
            await engines[number % 3].submit(settle(org_id, name, 0.25))

    async def break_off() -> None:
        for number in range(1_000):
            await asyncio.sleep(0.02)
            for one in _met(engines[number % 3])[: 1 + number % 2]:
                one._transport.abort()

    breaking = asyncio.ensure_future(break_off())
    await asyncio.gather(*(call(number) for number in range(15)))
    breaking.cancel()
    for org_id in orgs:
        stands = books.run(balance(org_id), org_id=org_id)
        calls = sum((caller + number) % 9 == orgs.index(org_id) for caller in range(15) for number in range(40))
        assert (stands.available, stands.held) == (10_000 * MICRO - calls * MICRO // 4, 0)
    _clean(books, orgs)


async def test_a_socket_that_nobody_listens_on_is_taken_away(begin: Begin, place: Path) -> None:
    await begin()
    killed = socket.socket(socket.AF_UNIX)
    killed.bind(str(place / "1-killed.engine"))
    killed.close()
    other = await begin()
    assert not (place / "1-killed.engine").exists()
    assert len(_met(other)) == 1


@pytest.mark.parametrize("what", ["the socket", "the folder"])
async def test_who_was_tidied_away_is_found_again(begin: Begin, place: Path, what: str) -> None:
    """As systemd does after ten days: it knows a socket that is in use by the name under which it was made."""
    first = await begin()
    if what == "the folder":
        shutil.rmtree(place)
    else:
        (socket_of_first,) = place.glob("*.engine")
        socket_of_first.unlink()
    await _until(lambda: any(place.glob("*.engine")))
    second = await begin()
    await _until(lambda: len(_met(first)) == len(_met(second)) == 1)
    org_id = await _passed_on_to(first, [first, second])
    await second.submit(open_account(org_id))
    assert first.heads.knows(org_id)


async def test_what_is_in_the_way_of_meeting_may_go(begin: Begin, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No files can be opened for a while, by whoever is there and by whoever comes."""
    first, glob = await begin(), Path.glob

    def too_many(path: Path, pattern: str) -> Iterator[Path]:
        if path == place:
            raise OSError(errno.EMFILE, "Too many open files")
        return glob(path, pattern)

    with monkeypatch.context() as full:
        full.setattr(Path, "glob", too_many)
        second = await begin()
        await asyncio.sleep(0.2)  # several looks
        assert not _met(first)
    await _until(lambda: len(_met(first)) == len(_met(second)) == 1)


async def test_two_looks_at_once_meet_nobody_twice(two: Sequence[Engine]) -> None:
    """Whoever was met twice stayed connected once when it was lost, and was not met again."""
    assert two[0]._neighbours is not None
    for _ in range(5):
        for one in _met(two[0]):
            one.end()
        await asyncio.gather(*(two[0]._neighbours.look() for _ in range(3)))
        assert len(_met(two[0])) == len(two[0]._neighbours._asked) == 1


async def test_the_last_to_leave_takes_the_meeting_place_away(begin: Begin, place: Path) -> None:
    first, second = await begin(), await begin()
    await first.stop()
    assert len([*place.iterdir()]) == 1
    await second.stop()
    assert not place.exists()


@pytest.mark.parametrize("how", ["open to others", "a link", "a file"])
async def test_where_others_could_enter_nobody_meets(begin: Begin, place: Path, tmp_path: Path, how: str) -> None:
    if how == "open to others":
        place.mkdir(mode=0o755)
    elif how == "a link":
        (tmp_path / "private").mkdir(mode=0o700)
        place.symlink_to(tmp_path / "private")
    else:
        place.touch()
    engines, org_id = [await begin(), await begin()], fresh_org()
    assert [_met(one) for one in engines] == [[], []]
    await engines[0].submit(open_account(org_id))
    assert not (await engines[1].submit(hold(org_id, "h"))).replayed


async def test_who_makes_the_folder_anew_is_not_asked_unless_it_is_this_user(begin: Begin, place: Path) -> None:
    """Its name stands in /tmp for all to read, and whoever left last has taken it away."""
    await (await begin()).stop()
    asks, doors = await begin(writes=False), set[Door]()
    place.rmdir()
    place.mkdir(mode=0o755)
    async with await asyncio.get_running_loop().create_unix_server(
        lambda: Door(lambda *_: None, doors.add, doors.discard), str(place / "1-another.engine")
    ):
        await asyncio.sleep(0.3)  # several looks
        assert not _met(asks)
        place.chmod(0o700)
        await _until(lambda: bool(_met(asks)))  # it would have been
        await asks.stop()
        await _until(lambda: not doors)


async def test_noise_at_the_door_ends_that_connection_alone(two: Sequence[Engine], place: Path) -> None:
    (door,) = place.glob(f"{two[1]._neighbours._name}.engine")  # type: ignore[union-attr]
    reader, writer = await asyncio.open_unix_connection(str(door))
    writer.write(b"GET / HTTP/1.1\r\n\r\n")
    assert await asyncio.wait_for(reader.read(), 5) == b""
    writer.close()
    org_id = await _passed_on_to(two[1], two)
    await two[0].submit(open_account(org_id))
    assert len(_met(two[0])) == 1


def test_only_engines_of_the_same_database_secret_and_code_meet(monkeypatch: pytest.MonkeyPatch) -> None:
    here = meeting_place("postgresql://a", "secret")
    assert meeting_place("postgresql://a", "secret") == here
    assert len(str(here)) < 70  # with the name of a socket, below what one may have
    others = {meeting_place("postgresql://b", "secret"), meeting_place("postgresql://a", "another")}
    others.add(meeting_place("postgresql://", "asecret"))
    monkeypatch.setattr(neighbours_module, "_code", lambda: b"of another version")
    others.add(meeting_place("postgresql://a", "secret"))
    assert len(others - {here}) == 4


@pytest.fixture
def books(app_url: str) -> Iterator[SyncDatabase]:
    database = SyncDatabase(app_url, max_size=1)
    yield database
    database.close()


def _met(engine: Engine) -> list[Neighbour]:
    assert engine._neighbours is not None
    return engine._neighbours.met()


def _door(engine: Engine) -> Door:
    assert engine._neighbours is not None
    (door,) = engine._neighbours._doors
    return door


async def _passed_on_to(engine: Engine, engines: Sequence[Engine]) -> int:
    """A new organization that this one of them writes for, and that all know to be everybody's."""
    org_id = await _owned_by(engine, engines)
    for one in engines:
        one.heads.share([org_id])
    return org_id


async def _owned_by(engine: Engine, engines: Sequence[Engine]) -> int:
    """A new organization that this one of them writes for, should others write to it too."""
    await _until(lambda: all(_met(one) for one in engines))
    assert engine._neighbours is not None
    while engine._neighbours.owner(org_id := fresh_org()) is not None:
        pass
    return org_id


async def _after(gate: asyncio.Event, take: Callable[[], "asyncio.Future[Outcome] | None"]) -> Outcome:
    await gate.wait()
    taken = take()
    assert taken is not None
    return await taken


async def _until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not true():
            await asyncio.sleep(0.005)


def _clean(books: SyncDatabase, orgs: Sequence[int]) -> None:
    for org_id in orgs:
        assert books.read(verify(org_id), org_id=org_id) == []
