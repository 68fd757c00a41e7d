"""Erasure: content goes, figures stay byte for byte, the books verify, and names of erased people are not shown."""

import re
from typing import Any

import psycopg
import pytest

from testkase.entrypoints.worker.privacy import carry_out
from testkase.foundation.problems import InvalidInput
from testkase.services.audit import Actor
from testkase.services.privacy.erasing import ask_erasure, steps_of
from testkase.services.privacy.registry import BY_SLUG
from tests.integration.privacy.conftest import SECRET, Scene
from tests.support.people import models, sign_in

CREDITS = "/settings/ai-credits"
OWNER = Actor(kind="person", ref="owner@northwind.example", name="Olivia Ortega")


def erase(scene: Scene, scope: str, target: str = "", *, name: str = "one") -> int:
    asked = ask_erasure(scene.org_id, erasure_id=name, scope=scope, target=target, label="something", actor=OWNER)
    scene.run(asked)
    return int(scene.work(lambda pool: carry_out(pool, scene.org_id, name)))


@pytest.mark.requirement("P16", "R61")
@pytest.mark.parametrize("scope", ["generation", "project", "person", "ai", "everything"])
def test_content_goes_and_every_figure_stays(scene: Scene, scope: str) -> None:
    number = scene.a_draft()
    (project,) = scene.owner("SELECT project_id FROM project WHERE key = 'SHOP'")[0]
    target = {"generation": str(number), "project": str(project), "person": scene.demo.emails["member"]}
    before = scene.figures()
    assert scene.content() == 2
    assert erase(scene, scope, target.get(scope, "")) >= 1
    assert scene.content() == 0
    assert scene.figures() == before
    assert scene.faults() == []


def test_one_generation_leaves_the_others(scene: Scene) -> None:
    first, second = scene.a_draft(), scene.a_draft()
    assert erase(scene, "generation", str(first)) == 1
    assert scene.generations() == [second]


@pytest.mark.parametrize("slug", sorted(BY_SLUG))
def test_one_thing_takes_rows_of_its_own_kind_alone(slug: str) -> None:
    """Numbers are given by kind: the chat of the number has a report beside it."""
    own = {table.name for table in BY_SLUG[slug].tables if table.item is not None}
    assert {table.name for table, _ in steps_of(slug)} == own


@pytest.mark.requirement("P13", "R61")
def test_accepted_cases_stay_unless_everything_goes(scene: Scene) -> None:
    (cases,) = scene.owner("SELECT count(*) FROM test_case")[0]
    erase(scene, "ai")
    assert scene.owner("SELECT count(*) FROM test_case") == [(cases,)]
    erase(scene, "everything", name="two")
    for table in ("test_case", "case_change", "case_folder", "test_cycle", "cycle_entry", "execution"):
        assert scene.owner(f"SELECT count(*) FROM {table}") == [(0,)]
    assert scene.owner("SELECT count(*) FROM project") == [(1,)]


def test_a_job_that_runs_again_finds_nothing_left_and_records_once(scene: Scene) -> None:
    scene.a_draft()
    erase(scene, "ai")
    assert scene.work(lambda pool: carry_out(pool, scene.org_id, "one")) == 0
    told = scene.owner("SELECT count(*) FROM activity WHERE action = 'content.erased'")
    assert told == [(1,)]


def test_what_is_no_scope_is_refused(scene: Scene) -> None:
    for scope, target in (("cases", "1"), ("nothing", ""), ("generation", "x"), ("project", "")):
        with pytest.raises(InvalidInput):
            scene.run(ask_erasure(scene.org_id, erasure_id="x", scope=scope, target=target, label="x", actor=OWNER))


@pytest.mark.requirement("P11", "P16")
def test_an_erased_person_who_left_is_shown_by_a_number(scene: Scene) -> None:
    address = scene.demo.emails["member"]
    owner = sign_in(scene.demo, "owner")
    month = re.search(rf'"({CREDITS}/statements/[-0-9]+)"', owner.get(CREDITS).content.decode())
    assert month is not None
    pages = (CREDITS, f"{CREDITS}/usage.csv", month[1], f"{month[1]}.csv", "/settings/activity/history.csv")

    def shown(path: str) -> str:
        return owner.get(path).getvalue().decode()

    assert all(address in shown(path) for path in pages)
    member = models().User.objects.get(email=address).pk
    owner.post(f"/settings/members/{member}/removal")
    scene.owner("DELETE FROM activity_head")  # the history of the person's coming and going is looked at elsewhere
    scene.owner("DELETE FROM activity")
    erase(scene, "person", address)
    for path in pages:
        assert address not in shown(path)
    for path in pages[:-1]:
        assert "Erased person 1" in shown(path)
    figures = scene.owner("SELECT count(*) FROM ledger.usage WHERE user_ref = %s", address)
    assert figures == [(3,)]  # the reference stays in the hashed journal: see the decision
    assert SECRET not in shown("/settings/privacy")


@pytest.mark.requirement("P11", "P16")
def test_an_erased_person_is_a_number_beside_their_work_too(scene: Scene) -> None:
    member = models().User.objects.get(email=scene.demo.emails["member"])
    owner, name = sign_in(scene.demo, "owner"), member.display_name
    scene.owner("UPDATE test_case SET created_by = %s, updated_by = %s", member.pk, member.pk)
    scene.owner("UPDATE test_cycle SET created_by = %s", member.pk)
    scene.owner("UPDATE cycle_entry SET executed_by = %s WHERE result <> 'not_executed'", member.pk)
    scene.owner("UPDATE execution SET executed_by = %s", member.pk)
    scene.owner(
        "INSERT INTO case_change (org_id, case_id, action, origin, fields, changed_by)"
        " SELECT org_id, case_id, 'created', 'person', '{}', %s FROM test_case",
        member.pk,
    )
    scene.owner(
        "INSERT INTO import_run (org_id, project_id, kind, file_name, digest, content, options, actor_kind, actor_ref,"
        " actor_name) SELECT org_id, project_id, 'csv', 'a.csv', 'x', 'x', '{}', 'person', %s, %s FROM project",
        member.ref, name,
    )  # fmt: skip
    (run,), (cycle,) = (scene.owner(sql)[0] for sql in ("SELECT import_id FROM import_run", _AN_EXECUTION))
    home = "/projects/SHOP"
    key = scene.owner("SELECT min(key) FROM test_case")[0][0]
    pages = [f"{home}/cases/{key}", f"{home}/cycles/{cycle}", f"{home}/imports", f"{home}/imports/{run}"]

    def shown(path: str) -> str:
        answer = owner.get(path)
        assert answer.status_code == 200, path
        return str(answer.content.decode())

    assert [path for path in pages if name in shown(path)] == pages
    owner.post(f"/settings/members/{member.pk}/removal", follow=True)
    erase(scene, "person", member.ref)
    for path in pages:
        assert name not in shown(path), path
        assert member.email not in shown(path), path
        assert "Erased person 1" in shown(path), path


@pytest.mark.requirement("P11", "P16")
def test_an_erased_person_is_a_number_beside_exports_requests_and_ai_work(scene: Scene) -> None:
    """Where their name was written down as it was, or is read from their account."""
    member = models().User.objects.get(email=scene.demo.emails["member"])
    owner, name = sign_in(scene.demo, "owner"), member.display_name
    models().User.objects.filter(pk=member.pk).update(display_name="Zebedee Q")
    of = {"org": scene.org_id, "ref": member.ref, "user": member.pk}
    written(scene, of)
    [(key,)] = scene.owner("SELECT key FROM test_case WHERE generation_id IS NOT NULL")
    pages = ["/settings/privacy", "/settings/ai-credits/budgets", "/projects/SHOP/reports",
             "/projects/SHOP/reports/schedule", f"/projects/SHOP/cases/{key}"]  # fmt: skip

    def shown(path: str) -> str:
        answer = owner.get(path)
        assert answer.status_code == 200, path
        return str(answer.content.decode())

    assert [path for path in pages if "Zebedee Q" in shown(path)] == pages
    owner.post(f"/settings/members/{member.pk}/removal", follow=True)
    erase(scene, "person", member.ref)
    written(scene, of)  # what the erasure took is put back, so that the pages have something to show
    for path in pages:
        for gone in ("Zebedee Q", name, member.email):
            assert gone not in shown(path), path
        assert "Erased person 1" in shown(path), path


@pytest.mark.requirement("P16")
def test_a_budget_for_an_erased_person_names_them_by_their_number(scene: Scene) -> None:
    member = models().User.objects.get(email=scene.demo.emails["member"])
    owner = sign_in(scene.demo, "owner")
    budget = {"budget_id": "theirs", "name": "Trainee", "limit": "5", "period": "week", "user": member.ref}
    assert owner.post(f"{CREDITS}/budgets/new", budget).status_code == 302
    owner.post(f"/settings/members/{member.pk}/removal", follow=True)
    erase(scene, "person", member.ref)
    form = owner.get(f"{CREDITS}/budgets/theirs").content.decode()
    assert "selected>Erased person 1</option>" in form
    assert f">{member.ref}<" not in form


def written(scene: Scene, of: dict[str, Any]) -> None:
    with psycopg.connect(scene.database.owner_url, autocommit=True) as owner:
        for sql in (_EXPORT, _BUDGET_REQUEST, _REPORT_RUN, _REPORT, _SCHEDULE, _GENERATION, _DRAFT, _ORIGIN):
            owner.execute(sql.encode(), of)


_EXPORT = """INSERT INTO organization_export (org_id, export_id, asked_ref, asked_name)
VALUES (%(org)s, 'x', %(ref)s, 'Zebedee Q') ON CONFLICT DO NOTHING"""
_BUDGET_REQUEST = """INSERT INTO budget_request (org_id, request_id, budget_id, user_id, amount, reason)
VALUES (%(org)s, 'r', 'gone', %(user)s, 5, '')
ON CONFLICT (org_id, request_id) DO UPDATE SET state = 'open', decided_at = NULL"""
_REPORT_RUN = """INSERT INTO report_run (org_id, project_id, requested_by, user_ref, project_ref, options)
SELECT org_id, project_id, %(user)s, %(ref)s, key, '{"model": "testkase-demo", "kinds": ["risk"]}' FROM project
WHERE key = 'SHOP'"""
_REPORT = """INSERT INTO report (org_id, run_id, project_id, kind, model)
SELECT org_id, run_id, project_id, 'risk', 'testkase-demo' FROM report_run ON CONFLICT DO NOTHING"""
_SCHEDULE = """INSERT INTO report_schedule (org_id, project_id, every, kinds, set_by, set_by_ref)
SELECT org_id, project_id, 'week', '{risk}', %(user)s, %(ref)s FROM project WHERE key = 'SHOP' ON CONFLICT DO NOTHING"""
_GENERATION = """INSERT INTO generation (org_id, project_id, project_ref, user_ref, requirement, options, state,
                        finished_at)
SELECT org_id, project_id, key, %(ref)s, 'Pay', '{"model": "testkase-demo", "cases": 1}', 'succeeded', now()
FROM project WHERE key = 'SHOP'"""


@pytest.mark.requirement("P16")
def test_what_an_erased_person_wrote_when_they_came_back_can_be_erased_too(scene: Scene) -> None:
    member = models().User.objects.get(email=scene.demo.emails["member"])
    owner = sign_in(scene.demo, "owner")
    owner.post(f"/settings/members/{member.pk}/removal")
    erase(scene, "person", member.ref)
    offered = '<option value="Erased person 1">'
    assert offered not in owner.get("/settings/privacy").content.decode()  # nothing of theirs is left
    scene.a_draft()  # they were a member once more, and left
    page = owner.get("/settings/privacy").content.decode()
    assert offered in page
    assert f'value="{member.ref}"' not in page
    form = {"scope": "person", "target": "Erased person 1", "form": "erasure_again"}
    owner.post("/settings/privacy/erasures", form)
    assert scene.work(lambda pool: carry_out(pool, scene.org_id, "erasure_again")) >= 1
    assert scene.content() == 0
    asked = scene.owner("SELECT target FROM activity WHERE action = 'content.erased' ORDER BY seq DESC LIMIT 1")
    assert asked == [("content of Erased person 1",)]


_DRAFT = """INSERT INTO draft_case (org_id, generation_id, position, content, state, case_key, decided_by, decided_at)
SELECT g.org_id, max(g.generation_id), 1, '{"title": "Pay"}', 'accepted', (SELECT min(key) FROM test_case), %(user)s,
       now()
FROM generation AS g WHERE g.requirement = 'Pay' GROUP BY g.org_id"""
_ORIGIN = """UPDATE test_case SET generation_id = (SELECT max(generation_id) FROM generation WHERE requirement = 'Pay'),
       draft_position = 1
WHERE key = (SELECT min(key) FROM test_case)"""
_AN_EXECUTION = "SELECT max(cycle_id) FROM execution"


@pytest.mark.requirement("P16")
def test_a_member_keeps_their_name_until_they_leave(scene: Scene) -> None:
    address, owner = scene.demo.emails["member"], sign_in(scene.demo, "owner")
    member = models().User.objects.get(email=address)

    def shown() -> str:
        return owner.get(f"{CREDITS}/usage.csv").getvalue().decode()

    erase(scene, "person", address)
    assert address in shown()
    assert "Erased person" not in shown()
    owner.post(f"/settings/members/{member.pk}/removal")
    assert address not in shown()
    assert "Erased person 1" in shown()
