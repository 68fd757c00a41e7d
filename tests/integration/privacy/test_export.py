"""Everything as one file: complete, safe in spreadsheets, of bounded parts, for the Owner, for a day."""

import csv
import io
import json
import re
import zipfile
from typing import Any

import psycopg
import pytest

from testkase.entrypoints.worker.privacy import carry_out, expire_organization, pack
from testkase.foundation.problems import Conflict
from testkase.services.audit import Actor
from testkase.services.privacy.erasing import ask_erasure
from testkase.services.privacy.export.asking import PART_BYTES, Superseded, ask_export, begin_export, keep_part
from tests.integration.privacy.conftest import SECRET, Scene
from tests.support.people import models, sign_in

OWNER = Actor(kind="person", ref="owner@northwind.example", name="Olivia Ortega")


def made(scene: Scene, name: str = "export-1") -> int:
    scene.run(ask_export(scene.org_id, export_id=name, actor=OWNER))
    return int(scene.work(lambda pool: pack(pool, scene.org_id, name)))


def downloaded(scene: Scene, name: str = "export-1") -> zipfile.ZipFile:
    answer = sign_in(scene.demo, "owner").post(f"/settings/privacy/exports/{name}")
    content = answer.getvalue()
    assert (answer.status_code, answer.headers["Content-Length"]) == (200, str(len(content)))
    file = zipfile.ZipFile(io.BytesIO(content))
    assert file.testzip() is None
    return file


def lines(file: zipfile.ZipFile, name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read(f"{name}.jsonl").splitlines()]


def table(file: zipfile.ZipFile, name: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(file.read(f"{name}.csv").decode())))


def paid_for(scene: Scene) -> None:
    """A bill for use beyond the balance, its receipt, and a part of it given back."""
    scene.owner(
        "INSERT INTO overage_bill (org_id, bill_id, period_number, period_start, period_end, credits, amount, currency,"
        " price_book, due_at) VALUES (%s, 'bill_1', 0, 0, 1, 20000000, 800, 'USD', '2026-11-01', now())", scene.org_id
    )  # fmt: skip
    document = json.dumps({"number": "R-2026-000001", "total": 800, "ordered_by": "Olivia Ortega"})
    scene.owner(
        "INSERT INTO receipt (org_id, number, target_id, issued_at, document)"
        " VALUES (%s, 'R-2026-000001', 'bill_1', now(), %s)", scene.org_id, document
    )  # fmt: skip
    scene.owner(
        "INSERT INTO payment_refund (org_id, refund_id, payment_id, amount, currency, status, created_at)"
        " VALUES (%s, 'rfnd_1', 'pay_1', 300, 'USD', 'processed', 1795910400)", scene.org_id
    )  # fmt: skip


@pytest.mark.requirement("P16")
def test_it_holds_everything_twice(scene: Scene) -> None:
    scene.a_draft()
    paid_for(scene)
    assert made(scene) > 0
    file = downloaded(scene)
    assert [row["requirement"] for row in lines(file, "generation")] == [SECRET]
    assert SECRET in file.read("draft_case.jsonl").decode()
    counts = {
        name: scene.owner(f"SELECT count(*) FROM {source}")[0][0]
        for name, source in (
            ("project", "project"), ("members", "membership"), ("test_case", "test_case"), ("usage", "ledger.usage"),
            ("cycle_entry", "cycle_entry"), ("case_change", "case_change"), ("overage_bill", "overage_bill"),
        )
    }  # fmt: skip
    assert {name: len(lines(file, name)) for name in counts} == counts
    assert {name: len(table(file, name)) for name in counts} == counts
    (receipt,), (back,) = lines(file, "receipt"), lines(file, "money_back")
    assert receipt == {"number": "R-2026-000001", "total": 800}, "who ordered stands with the purchase, or is a number"
    assert (back["kind"], back["id"], back["amount"], back["at"]) == (
        "refund",
        "rfnd_1",
        300,
        "2026-11-29T00:00:00+00:00",
    )
    assert {row["email"] for row in lines(file, "members")} == set(scene.demo.emails.values())
    (statement,) = lines(file, "statements")
    assert statement["used"] == sum(row["charged"] for row in lines(file, "usage"))
    assert {row["action"] for row in lines(file, "activity")} >= {"organization.opened", "export.asked"}
    readme = file.read("README.txt").decode()
    assert "Content of Northwind Labs" in readme
    closing, terms = re.findall(r"(closing) = (.*) \(", readme)[0]
    signs = re.findall(r"([+-]?) ?(\w+)", terms)
    assert statement[closing] == sum(-statement[name] if sign == "-" else statement[name] for sign, name in signs)
    assert not any("org_id" in row for row in lines(file, "test_case"))
    assert not [name for name in file.namelist() if name.startswith("chat")]  # only who asked may read chats


def test_no_cell_is_a_formula_and_figures_stay_figures(scene: Scene) -> None:
    scene.owner("UPDATE test_case SET title = '=HYPERLINK(1)', tags = ARRAY['-x'] WHERE key = 'SHOP-1'")
    made(scene)
    (row,) = [row for row in table(downloaded(scene), "test_case") if row["key"] == "SHOP-1"]
    assert (row["title"], row["tags"]) == ("'=HYPERLINK(1)", '["-x"]')
    assert all(row["charged"].isdigit() for row in table(downloaded(scene), "usage"))


def test_it_comes_in_bounded_parts(scene: Scene) -> None:
    number = scene.a_draft()
    scene.owner(  # what cannot be compressed
        "INSERT INTO draft_case (org_id, generation_id, position, content) SELECT org_id, generation_id, n,"
        " jsonb_build_object('title', (SELECT string_agg(md5(random()::text || i || n), '')"
        " FROM generate_series(1, 2500) AS i)) FROM generation, generate_series(2, 30) AS n WHERE generation_id = %s",
        number,
    )
    size = made(scene)
    parts = scene.owner("SELECT length(content) FROM organization_export_part ORDER BY position")
    assert len(parts) > 2
    assert max(length for (length,) in parts) <= PART_BYTES
    assert sum(length for (length,) in parts) == size
    assert len(lines(downloaded(scene), "draft_case")) == 30


def test_after_a_day_it_is_gone(scene: Scene) -> None:
    made(scene)
    owner = sign_in(scene.demo, "owner")
    scene.owner("UPDATE organization_export SET finished_at = finished_at - interval '25 hours'")
    assert owner.post("/settings/privacy/exports/export-1").status_code == 404
    scene.owner("UPDATE organization_export SET asked_at = asked_at - interval '25 hours'")
    scene.work(lambda pool: expire_organization(pool, scene.org_id))
    assert scene.owner("SELECT count(*) FROM organization_export_part") == [(0,)]
    assert "Gone" in owner.get("/settings/privacy").content.decode()


def test_a_new_one_takes_the_place_of_the_last(scene: Scene) -> None:
    made(scene)
    made(scene, "export-2")
    assert scene.owner("SELECT DISTINCT export_id FROM organization_export_part") == [("export-2",)]


def test_one_at_a_time_and_the_same_form_once(scene: Scene) -> None:
    assert scene.run(ask_export(scene.org_id, export_id="a", actor=OWNER)) is True
    assert scene.run(ask_export(scene.org_id, export_id="a", actor=OWNER)) is False
    with pytest.raises(Conflict):
        scene.run(ask_export(scene.org_id, export_id="b", actor=OWNER))


def test_a_run_that_was_killed_leaves_nothing_in_the_next_ones_file(scene: Scene) -> None:
    scene.run(ask_export(scene.org_id, export_id="export-1", actor=OWNER))
    scene.run(begin_export(scene.org_id, "export-1"))
    scene.owner(
        "INSERT INTO organization_export_part SELECT org_id, export_id, attempt, 0, 'half' FROM organization_export"
    )
    scene.work(lambda pool: pack(pool, scene.org_id, "export-1"))
    assert lines(downloaded(scene), "project")
    assert scene.work(lambda pool: pack(pool, scene.org_id, "export-1")) == 0  # ready: nothing to do


def test_a_failure_is_told(scene: Scene) -> None:
    scene.owner("ALTER TABLE execution RENAME TO elsewhere")
    made(scene)
    assert "Failed: try again" in sign_in(scene.demo, "owner").get("/settings/privacy").content.decode()


@pytest.mark.requirement("P16")
def test_an_erasure_takes_the_file_and_one_under_way(scene: Scene) -> None:
    made(scene)
    erased(scene, "one")
    assert scene.owner("SELECT count(*) FROM organization_export_part") == [(0,)]
    owner = sign_in(scene.demo, "owner")
    assert "Gone" in owner.get("/settings/privacy").content.decode()
    assert owner.post("/settings/privacy/exports/export-1").status_code == 404
    scene.run(ask_export(scene.org_id, export_id="export-2", actor=OWNER))
    attempt = scene.run(begin_export(scene.org_id, "export-2"))
    erased(scene, "two")
    with pytest.raises(Superseded):
        scene.run(keep_part(scene.org_id, "export-2", attempt, 0, b"read before"))


def erased(scene: Scene, name: str) -> None:
    scene.run(ask_erasure(scene.org_id, erasure_id=name, scope="ai", target="", label="all AI content", actor=OWNER))
    scene.work(lambda pool: carry_out(pool, scene.org_id, name))


@pytest.mark.requirement("P11")
def test_an_erased_person_is_a_number_in_it(scene: Scene) -> None:
    address = scene.demo.emails["member"]
    member = models().User.objects.get(email=address).pk
    sign_in(scene.demo, "owner").post(f"/settings/members/{member}/removal")
    asked = ask_erasure(scene.org_id, erasure_id="one", scope="person", target=address, label="somebody", actor=OWNER)
    scene.run(asked)
    scene.work(lambda pool: carry_out(pool, scene.org_id, "one"))
    made(scene)
    assert {row["user_ref"] for row in lines(downloaded(scene), "usage")} == {"Erased person 1"}


@pytest.mark.requirement("I13", "R73")
def test_nothing_of_another_organization_is_in_it(scene: Scene) -> None:
    with psycopg.connect(scene.database.owner_url, autocommit=True) as owner:
        other = owner.execute("INSERT INTO organization (name, slug) VALUES ('Other', 'other') RETURNING id").fetchone()
        assert other is not None
        owner.execute("INSERT INTO project (org_id, key, name) VALUES (%s, 'VAULT', 'Vermilion')", other)
    made(scene)
    file = downloaded(scene)
    assert not any(b"Vermilion" in file.read(name) for name in file.namelist())
