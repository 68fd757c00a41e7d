"""Retention: what nobody accepted goes when it is old enough, and no figure moves."""

import psycopg
import pytest

from testkase.entrypoints.worker.privacy import expire_organization
from testkase.services.audit import OPERATOR
from testkase.services.privacy.keeping import choose_keep_days
from tests.integration.privacy.conftest import Scene


def expire(scene: Scene) -> int:
    return int(scene.work(lambda pool: expire_organization(pool, scene.org_id)))


@pytest.mark.requirement("P16", "R61")
def test_by_default_nothing_goes(scene: Scene) -> None:
    scene.a_draft(days_old=4_000)
    assert expire(scene) == 0


@pytest.mark.requirement("P16")
def test_old_and_unaccepted_goes_and_every_figure_stays(scene: Scene) -> None:
    gone, rejected = scene.a_draft(days_old=91), scene.a_draft(days_old=91, state="rejected")
    accepted, young = scene.a_draft(days_old=91, state="accepted"), scene.a_draft(days_old=89)
    scene.run(choose_keep_days(scene.org_id, 90, actor=OPERATOR))
    before = scene.figures()
    assert expire(scene) == 4  # two drafts, and the two generations that had no other
    assert scene.generations() == [accepted, young]
    assert {gone, rejected}.isdisjoint(scene.generations())
    assert scene.figures() == before
    assert scene.faults() == []
    assert expire(scene) == 0  # nothing is left to do when it is repeated


def test_a_draft_somebody_is_just_deciding_on_is_passed_over(scene: Scene) -> None:
    number = scene.a_draft(days_old=91)
    scene.run(choose_keep_days(scene.org_id, 30, actor=OPERATOR))
    with psycopg.connect(scene.database.owner_url) as deciding:
        deciding.execute("SELECT 1 FROM draft_case WHERE generation_id = %s FOR UPDATE", [number])
        assert expire(scene) == 0
    assert expire(scene) == 2


def test_it_is_on_record_whose_choice_took_what(scene: Scene) -> None:
    scene.a_draft(days_old=91)
    scene.run(choose_keep_days(scene.org_id, 30, actor=OPERATOR))
    expire(scene)
    told = scene.owner("SELECT action, details->>'rows' FROM activity ORDER BY seq DESC LIMIT 2")
    assert told == [("content.expired", "2"), ("retention.changed", None)]


def test_more_than_one_step_is_taken(scene: Scene) -> None:
    for _ in range(2):
        scene.a_draft(days_old=91)
    scene.owner(
        "INSERT INTO generation (org_id, project_id, user_ref, requirement, options, state, finished_at)"
        " SELECT g.org_id, g.project_id, g.user_ref, 'old', g.options, 'failed', g.finished_at"
        " FROM (SELECT * FROM generation LIMIT 1) g, generate_series(1, 450)"
    )
    scene.run(choose_keep_days(scene.org_id, 30, actor=OPERATOR))
    assert expire(scene) == 454
    assert scene.generations() == []


def test_notifications_go_after_a_year_whatever_was_chosen(scene: Scene) -> None:
    scene.owner(
        "INSERT INTO notification (org_id, user_id, kind, event_key, title, body, link, link_label, leads_to_buying,"
        " created_at) SELECT %s, id, 'low', 'e' || n, 'Low', '', '', '', false, now() - n * interval '200 days'"
        " FROM app_user, generate_series(1, 2) AS n WHERE email = %s",
        scene.org_id, scene.demo.emails["owner"],
    )  # fmt: skip
    assert expire(scene) == 1
