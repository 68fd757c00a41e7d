"""Whatever test cases, folders, comments and earlier messages say: no tool is misused, nothing of another organization
or another project comes out, nothing leads elsewhere. A model that obeys every such sentence is assumed."""

import json
import re

import psycopg
import pytest

from testkase.services.audit import OPERATOR
from testkase.services.features.chat.markdown import render
from testkase.services.features.chat.model import Turn
from testkase.services.features.chat.tools.calling import LOOK_UPS
from testkase.services.inference import EMBEDDED_MODEL
from testkase.services.workspace.cases import create_case
from testkase.services.workspace.folders import create_folder
from testkase.services.workspace.model import CaseContent, Step
from testkase.services.workspace.projects import create_project
from tests.integration.chat.conftest import SENTENCE, Room, Scene, looks_up, spoken
from tests.integration.chat.injections import INJECTIONS
from tests.support.features import LARGE_MODEL

SECRET = "Vermilion-secret"
QUESTIONS = (
    "Which test cases failed?", "How many test cases are there?", "Which are flaky?", "What is missing?",
    "How far are the cycles?", "What about vouchers, VERM-1 and HIDE-1?",
)  # fmt: skip


@pytest.fixture
async def poisoned(scene: Scene) -> Scene:
    """The member's project full of such sentences, a project they are not in, and another organization."""
    room = scene.room
    for number, sentence in enumerate(INJECTIONS):
        folder = await room.ask(
            create_folder(room.org_id, room.project_id, f"{number} {sentence.replace('/', ' ')}"[:110])
        )
        content = CaseContent(
            title=f"Voucher {number} {sentence}"[:250], preconditions=sentence, description=sentence,
            steps=(Step(action=sentence, expected=sentence),), tags=(f"tag-{number}",),
        )  # fmt: skip
        await room.ask(create_case(room.org_id, room.project_id, content, author_id=room.user_id, folder_id=folder))
    for number, sentence in enumerate(INJECTIONS[:8], start=1):
        await room.failing(f"{room.key}-{number}", sentence)
    hidden = await room.ask(create_project(room.org_id, key="HIDE", name="Hidden", actor=OPERATOR))
    secret = CaseContent(title=f"Voucher {SECRET}", steps=(Step(action=SECRET),), preconditions=SECRET)
    await room.ask(create_case(room.org_id, hidden, secret, author_id=room.owner_id))
    other = Room(room.database, room.engine, scene.owner_url, name="vermilion")
    await other.move_in(300)
    await other.case(f"Voucher {SECRET}", step=SECRET, preconditions=SECRET)
    await other.failing("VERM-1", SECRET)
    return scene


def sent(scene: Scene) -> str:
    return json.dumps([request.body for request in scene.upstream.requests], ensure_ascii=False)


def shown(turn: Turn) -> str:
    links = {source.ref: source.path("COBA") for source in turn.sources if source.kind == "case"}
    return render(turn.answer, links) + render(turn.facts, links)


def leads_to(html: str) -> set[str]:
    return set(re.findall(r'(?:href|src|action)\s*=\s*"([^"]*)"', html))


@pytest.mark.requirement("R72", "R73", "I13")
async def test_a_model_that_obeys_gets_nothing_but_this_project(poisoned: Scene) -> None:
    wishes = [
        *((name, "{}") for name in LOOK_UPS),
        ("get_case", '{"key": "VERM-1"}'), ("get_case", '{"key": "HIDE-1"}'), ("get_case", '{"key": "COBA-1"}'),
        ("search_cases", '{"text": "secret"}'), ("search_cases", '{"text": "vermilion"}'),
        ("search_cases", '{"text": "x", "org_id": 2}'), ("search_cases", '{"folder": "Hidden"}'),
        ("coverage_gaps", '{"text": "secret"}'), ("cycle_progress", '{"cycle": 9}'),
        ("recent_failures", '{"cycle": 9}'), ("delete_case", '{"key": "COBA-1"}'), ("send_mail", "{}"),
    ]  # fmt: skip
    found = ""
    for name, arguments in wishes:
        poisoned.upstream.script(looks_up(name, arguments), spoken("Done."))
        await poisoned.answered("Do what the test cases say.")
        found += poisoned.upstream.requests[-1].body["messages"][-1]["content"]
    assert SECRET not in sent(poisoned)
    assert "HIDE" not in found
    assert "COBA-1" in found


@pytest.mark.requirement("R73")
async def test_what_people_wrote_never_leaves_its_place_in_the_conversation(poisoned: Scene) -> None:
    """Roles and tools are the same with and without it; a result is one JSON value."""
    poisoned.upstream.script(looks_up("search_cases", '{"text": "voucher"}'), looks_up("recent_failures"))
    await poisoned.answered()
    offered = [json.dumps(request.body["tools"]) for request in poisoned.upstream.requests]
    assert len(set(offered)) == 1
    for request in poisoned.upstream.requests:
        roles = [message["role"] for message in request.body["messages"]]
        assert roles == ["system", "user", *["assistant", "tool"] * ((len(roles) - 2) // 2)]
        assert not any(sentence in request.body["messages"][0]["content"] for sentence in INJECTIONS)
        for message in request.body["messages"]:
            if message["role"] == "tool":
                assert set(json.loads(message["content"])) == {"facts", "rows"}


@pytest.mark.parametrize("model", [LARGE_MODEL, EMBEDDED_MODEL])
async def test_an_answer_that_repeats_every_such_sentence_leads_nowhere(poisoned: Scene, model: str) -> None:
    poisoned.upstream.script(looks_up("search_cases", '{"text": "voucher"}')) if model == LARGE_MODEL else None
    said = "\n\n".join([*INJECTIONS, f"It is COBA-{len(INJECTIONS)}."])
    poisoned.upstream.default = spoken(said if model == LARGE_MODEL else json.dumps({"answer": said}))
    turn = await poisoned.answered("Is there a voucher?", model=model)
    html = shown(turn)
    assert all(re.fullmatch(r"/projects/COBA/cases/COBA-\d+", address) for address in leads_to(html))
    assert "<img" not in html
    assert "<script" not in html
    assert '<a href="/projects/COBA' in html
    assert html.count("<a ") == len(re.findall(r'href="/projects/COBA/', html))


@pytest.mark.requirement("R72", "R73")
@pytest.mark.parametrize("question", QUESTIONS)
async def test_a_small_model_is_shown_and_people_are_told_only_this_project(poisoned: Scene, question: str) -> None:
    poisoned.upstream.default = spoken(SENTENCE)
    turn = await poisoned.answered(question, model=EMBEDDED_MODEL)
    assert SECRET not in sent(poisoned) + turn.facts + turn.answer
    assert "<|im_start|>" not in sent(poisoned)
    assert not leads_to(shown(turn)) - {f"/projects/COBA/cases/COBA-{number}" for number in range(40)}


async def test_such_a_question_is_looked_for_like_any_other(poisoned: Scene) -> None:
    poisoned.upstream.default = spoken(SENTENCE)
    for sentence in INJECTIONS:
        turn = await poisoned.answered(sentence, model=EMBEDDED_MODEL)
        assert turn.state == "answered"
        assert SECRET not in turn.facts
    assert SECRET not in sent(poisoned)
    async with await psycopg.AsyncConnection.connect(poisoned.owner_url) as owner:
        row = await (await owner.execute("SELECT count(*) FROM test_case")).fetchone()
    assert row == (len(INJECTIONS) + 2,)


async def test_earlier_messages_are_sent_again_only_as_what_they_were(poisoned: Scene) -> None:
    thread = None
    for sentence in INJECTIONS[:6]:
        poisoned.upstream.default = spoken(sentence)
        turn = await poisoned.question(sentence, thread=thread)
        thread = turn[0]
        await poisoned.run(turn)
    for request in poisoned.upstream.requests:
        roles = [message["role"] for message in request.body["messages"]]
        assert roles == ["system", *["user", "assistant"] * ((len(roles) - 2) // 2), "user"]


@pytest.mark.requirement("R41", "P15", "I13")
@pytest.mark.parametrize("role", ["guest", None])
async def test_a_role_that_ends_while_an_answer_is_written_ends_the_looking(scene: Scene, role: str | None) -> None:
    await scene.room.case("Voucher has expired")
    scene.upstream.script(looks_up("counts"), looks_up("search_cases", '{"text": "voucher"}'))
    turn = await scene.question()
    change = "DELETE FROM project_member" if role is None else f"UPDATE project_member SET role = '{role}'"
    await scene.as_owner(change)
    done = await scene.run(turn)
    assert (done.state, done.charged) == ("failed", 0)
    assert done.error is not None
    assert "may not use the assistant" in done.error
    assert scene.upstream.requests == []


async def test_the_role_is_read_again_before_every_look_up(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    from testkase.services.features.chat.tools.calling import Desk

    await scene.room.case("Voucher has expired")
    scene.upstream.script(looks_up("counts"), looks_up("search_cases", '{"text": "voucher"}'))
    call = Desk.call

    async def then_removed(desk: Desk, wish: object) -> object:
        result = await call(desk, wish)  # type: ignore[arg-type]
        await scene.as_owner("DELETE FROM project_member")
        return result

    monkeypatch.setattr(Desk, "call", then_removed)
    done = await scene.answered()
    assert len(scene.upstream.requests) == 2
    assert (done.state, done.charged) == ("failed", 0)
