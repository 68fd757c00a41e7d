"""The nouns of the activity history: who did what to what, in texts of one short line each (P16)."""

from collections.abc import Mapping
from typing import Literal

import msgspec

Category = Literal["money", "people", "settings", "keys"]
"""What a change is about, as the history can be filtered."""

ActorKind = Literal["person", "api_key", "system"]

_CATEGORY: dict[str, Category] = {
    "credits": "money",
    "budget": "money",
    "pause": "money",
    "purchase": "money",
    "refund": "money",
    "overage": "money",
    "debt": "money",
    "statement": "money",
    "usage": "money",
    "organization": "people",
    "member": "people",
    "invitation": "people",
    "ownership": "people",
    "project": "people",
    "project_member": "people",
    "api_key": "keys",
    "webhook": "keys",
    "mfa": "keys",
    "password": "keys",
    "email": "keys",
    "sso": "keys",
}
"""By the noun an action begins with; any other concerns the settings."""


class Actor(msgspec.Struct, frozen=True, kw_only=True):
    """Who did it. `ref` is what filters go by: a person's e-mail address, a key's id, or which part of the system.
    `name` is what they were called at that moment."""

    kind: ActorKind
    ref: str
    name: str


OPERATOR = Actor(kind="system", ref="operator", name="Operator")
"""Whoever runs the installation, at its command line."""


class Activity(msgspec.Struct, frozen=True, kw_only=True):
    """One change. `action` is "noun.verb_past"; `target` names what was changed, as it was called then; `project` is a
    project's key and `use_case` a feature's slug, where the change concerns one. `details` are facts in a few words,
    never content and never a secret."""

    action: str
    actor: Actor
    target: str = ""
    project: str | None = None
    use_case: str | None = None
    details: Mapping[str, str] = {}

    @property
    def category(self) -> Category:
        return _CATEGORY.get(self.action.partition(".")[0], "settings")


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """A row of the history, as it is hashed: `seq` is its place in the organization's chain, `at` in microseconds."""

    org_id: int
    seq: int
    at: int
    event_id: str
    category: Category
    action: str
    actor_kind: ActorKind
    actor_ref: str
    actor_name: str
    target: str
    project: str
    use_case: str
    details: dict[str, str]

    @property
    def actor(self) -> Actor:
        return Actor(kind=self.actor_kind, ref=self.actor_ref, name=self.actor_name)
