"""An organization with people and an account, made by SQL and the ledger alone, and what they were told."""

from typing import Any

import psycopg

from testkase.core.ledger import commands as ask
from testkase.core.ledger.credits import MICRO
from testkase.core.ledger.model import Subject
from testkase.core.ledger.operations import execute_one
from testkase.foundation.database import Operation, Statement, SyncDatabase
from testkase.services.notifications import watching

SUBJECT = Subject(use_case="chat", user="mira@example.com")


class Team:
    """An organization with an owner, an admin and a member, and a ledger account."""

    def __init__(self, database: SyncDatabase, number: int, *, ai_enabled: bool = True) -> None:
        self.database, self.number, self.spent = database, 0, 0
        with database.transaction() as connection:
            self.org_id = self._made(
                connection,
                "INSERT INTO organization (name, slug) VALUES (%s, %s) RETURNING id",
                f"Team {number}",
                f"team-{number}",
            )
            self.people = {role: self._person(connection, number, role) for role in ("owner", "admin", "member")}
        self.do(ask.OpenAccount(org_id=self.org_id, monthly_allowance=300 * MICRO, ai_enabled=ai_enabled))

    def _made(self, connection: psycopg.Connection[Any], sql: Any, *values: object) -> int:
        row = connection.execute(sql, values).fetchone()
        assert row is not None
        return int(row[0])

    def _person(self, connection: psycopg.Connection[Any], number: int, role: str) -> int:
        person = self._made(
            connection,
            "INSERT INTO app_user (password, is_superuser, email, ref, display_name, is_active, is_staff, date_joined)"
            " VALUES ('', false, %s, %s, %s, true, false, now()) RETURNING id",
            f"{role}{number}@example.com", f"{role}{number}@example.com", role.title(),
        )  # fmt: skip
        connection.execute(
            "INSERT INTO membership (user_id, org_id, role) VALUES (%s, %s, %s)", [person, self.org_id, role]
        )
        return person

    def run(self, operation: Operation[Any]) -> Any:
        return self.database.run(operation, org_id=self.org_id)

    def do(self, command: Any) -> None:
        self.run(execute_one(command))

    def use(self, credits: float) -> None:
        self.spent += 1
        self.do(ask.RecordUsage(
            org_id=self.org_id, usage_id=f"u{self.spent}", subject=SUBJECT, credits=round(credits * MICRO)
        ))  # fmt: skip

    def grant(self, credits: float) -> None:
        self.number += 1
        self.do(ask.Grant(org_id=self.org_id, grant_id=f"g{self.number}", amount=round(credits * MICRO)))

    def switch(self, *, on: bool) -> None:
        self.number += 1
        self.do(ask.SwitchAi(org_id=self.org_id, switch_id=f"s{self.number}", enabled=on))

    def watch(self) -> watching.Stand | None:
        stand: watching.Stand | None = self.run(watching.watch_organization(self.org_id))
        return stand

    def rows(self, sql: Any) -> list[dict[str, Any]]:
        def select() -> Operation[list[dict[str, Any]]]:
            return (yield Statement(sql, {"org_id": self.org_id}))

        found: list[dict[str, Any]] = self.run(select())
        return found

    def crossings(self) -> list[tuple[int, int]]:
        rows = self.rows("SELECT seq, threshold FROM alert WHERE org_id = %(org_id)s ORDER BY seq, threshold DESC")
        return [(row["seq"], row["threshold"]) for row in rows]

    def told(self, role: str = "owner") -> list[str]:
        rows = self.rows("SELECT user_id, title FROM notification WHERE org_id = %(org_id)s ORDER BY notification_id")
        return [row["title"] for row in rows if row["user_id"] == self.people[role]]
