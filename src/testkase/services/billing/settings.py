"""What an organization chose about buying: who may, and what its receipts say of it. Overage is in overage.py."""

import unicodedata

from msgspec.structs import asdict, replace

from testkase.core.access import PurchaseRoles
from testkase.foundation.database import Operation, Statement, named_statements
from testkase.foundation.problems import InvalidInput
from testkase.foundation.text import in_one_line
from testkase.services.audit import Activity, Actor, record
from testkase.services.billing.keys import lock_people, narrow_to_policy
from testkase.services.billing.model import BillingSettings

SQL = named_statements("testkase.services.billing.sql", "payments.sql")

_LONGEST = {"buyer_name": 120, "buyer_address": 400, "buyer_tax_id": 40}
_WORDS = {"owner": "the Owner", "owner_and_admins": "the Owner and the Admins"}


def billing_settings(org_id: int) -> Operation[BillingSettings]:
    """As they stand; the default ones where nobody has chosen. Needs the organization's context."""
    rows = yield Statement(SQL["settings"], {"org_id": org_id})
    return BillingSettings(**rows[0]) if rows else BillingSettings()


def settings_locked(org_id: int) -> Operation[BillingSettings]:
    """The same, which nobody else changes until the transaction ends."""
    rows = yield Statement(SQL["settings_locked"], {"org_id": org_id})
    return BillingSettings(**rows[0])


def keep_settings(org_id: int, settings: BillingSettings) -> Operation[None]:
    """Write them back, as read under the lock and changed."""
    yield Statement(SQL["keep_settings"], {"org_id": org_id, **asdict(settings)})


def set_purchase_roles(org_id: int, actor: Actor, roles: str) -> Operation[bool]:
    """Who buys (R36, R37); answers whether that is new. Recorded. Raises InvalidInput for roles there are not.

    Keys whose makers may not buy any more cannot either, from this very transaction on. Whether the actor may choose is
    for the caller to ask: only the Owner does.
    """
    if roles not in {role.value for role in PurchaseRoles}:
        raise InvalidInput("Choose `owner` or `owner_and_admins`.", field="purchase_roles")
    yield from lock_people(org_id)
    before = yield from settings_locked(org_id)
    if before.purchase_roles == roles:
        return False
    yield from keep_settings(org_id, replace(before, purchase_roles=roles))
    details = {"from": _WORDS[before.purchase_roles], "to": _WORDS[roles]}
    yield from record(org_id, Activity(action="purchase.roles_changed", actor=actor, details=details))
    yield from narrow_to_policy(org_id, actor, roles)
    return True


def set_buyer(org_id: int, actor: Actor, *, name: str, address: str, tax_id: str) -> Operation[bool]:
    """What receipts from now on say of the buyer; empty: the organization's name alone. Recorded.

    Raises InvalidInput naming the field that is too long or has control characters.
    """
    typed = {"buyer_name": name, "buyer_address": address, "buyer_tax_id": tax_id}
    for field, text in typed.items():
        _check_printable(text, field)
    given = {
        "buyer_name": in_one_line(name), "buyer_address": _lines(address), "buyer_tax_id": in_one_line(tax_id),
    }  # fmt: skip
    for field, text in given.items():
        if len(text) > _LONGEST[field]:
            raise InvalidInput(f"At most {_LONGEST[field]} characters, please.", field=field)
    before = yield from settings_locked(org_id)
    after = replace(before, **given)
    if after == before:
        return False
    yield from keep_settings(org_id, after)
    yield from record(org_id, Activity(action="purchase.buyer_changed", actor=actor, target=after.buyer_name))
    return True


def _check_printable(text: str, field: str) -> None:
    breaks = "\t\r\n" if field == "buyer_address" else "\t"
    for place, letter in enumerate(text, 1):
        if unicodedata.category(letter) == "Cc" and letter not in breaks:
            raise InvalidInput(f"Character {place} is a control character: write it anew without it.", field=field)


def _lines(text: str) -> str:
    """Each line by itself. What is pasted brings tabs and spaces that do not break along, which nobody sees and nobody
    could take out; joiners stay, since some scripts are misspelt without them."""
    return "\n".join(line for each in text.splitlines() if (line := in_one_line(each)))
