"""Chats go by their age and by the Owner's wish, and no figure moves."""

from typing import Any

from testkase.foundation.clock import utc_now
from testkase.foundation.database import Operation, Statement
from testkase.services.audit import Actor
from testkase.services.features.chat import operations
from testkase.services.features.chat.stored import STORED
from testkase.services.privacy.erasing import steps_of
from testkase.services.privacy.keeping import expire
from testkase.services.privacy.steps import take
from tests.integration.chat.conftest import Scene


async def threads(scene: Scene) -> int:
    return len(await scene.room.ask(operations.threads(scene.room.mine, limit=10)))


async def test_what_is_older_than_the_owner_keeps_goes_and_the_usage_stays(scene: Scene) -> None:
    await scene.answered()
    before = await scene.usage()
    waiting, _ = await scene.question()
    await scene.as_owner("UPDATE chat_turn SET finished_at = finished_at - interval '40 days'")
    await scene.as_owner("UPDATE chat_thread SET asked_at = asked_at - interval '40 days'")
    for table in STORED.tables:
        await scene.room.ask(expire(scene.room.org_id, table, utc_now()))
    assert await threads(scene) == 1
    assert (await scene.room.ask(operations.find_thread(scene.room.mine, waiting))).thread_id == waiting
    assert await scene.usage() == before


async def test_a_persons_a_projects_and_all_chats_can_be_erased(scene: Scene) -> None:
    targets = {"person": scene.room.email, "project": str(scene.room.project_id), "ai": "", "everything": ""}
    for scope, target in targets.items():
        await scene.answered()
        before = await scene.usage()
        mine = [one for one in steps_of(scope) if one[0] in STORED.tables]
        for table, condition in mine:
            await scene.room.ask(take(scene.room.org_id, table, condition, {"target": target}, skip=False))
        assert await threads(scene) == 0, scope
        assert await scene.usage() == before


async def test_a_single_chat_can_be_erased_and_the_others_and_every_figure_stay(scene: Scene) -> None:
    await scene.answered()
    other = await scene.answered()
    before = await scene.usage()
    steps = list(steps_of("chat"))
    assert [table.name for table, _ in steps] == ["chat_thread"]
    for table, condition in steps:
        target = {"target": str(other.thread_id)}
        assert await scene.room.ask(take(scene.room.org_id, table, condition, target, skip=False)) == 1
    left = await scene.room.ask(operations.threads(scene.room.mine, limit=10))
    assert [row.thread_id for row in left] == [other.thread_id - 1]
    assert await scene.usage() == before


async def test_its_person_deletes_a_chat_and_the_history_says_so_without_its_title(scene: Scene) -> None:
    turn = await scene.answered("What does canary-77 fail of?")
    actor = Actor(kind="person", ref=scene.room.email, name="Ada")
    before = await scene.usage()
    await scene.room.ask(
        operations.delete_thread(scene.room.mine, turn.thread_id, project_key=scene.room.key, actor=actor)
    )
    [row] = await scene.room.ask(_told())
    assert (row["action"], row["target"], row["project"]) == ("chat.deleted", f"chat {turn.thread_id}", "COBA")
    assert "canary-77" not in str(row)
    assert await scene.usage() == before


async def test_the_owner_is_told_whose_a_chat_is_and_nothing_that_was_said(scene: Scene) -> None:
    turn = await scene.answered("What does canary-77 fail of?")
    [line] = await scene.room.ask(operations.newest_threads(scene.room.org_id, limit=5))
    assert (line.thread_id, line.user_ref, line.project_key, line.turn_count) == (
        turn.thread_id, scene.room.email, "COBA", 1,
    )  # fmt: skip
    assert "canary-77" not in str(line)


def _told() -> Operation[list[dict[str, Any]]]:
    return (yield Statement("SELECT a.* FROM activity AS a WHERE a.action LIKE 'chat.%%'", {}))
