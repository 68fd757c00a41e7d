"""Chats go by their age and by the Owner's wish, and no figure moves."""

from testkase.foundation.clock import utc_now
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
