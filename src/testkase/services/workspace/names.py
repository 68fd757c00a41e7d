"""Who did something, as pages show it: a person who left and was erased is a number here as well (P11, P16)."""

from typing import LiteralString

_NUMBER: LiteralString = """(SELECT 'Erased person ' || gone.number FROM erased_person AS gone
        WHERE gone.org_id = <row>.org_id AND gone.person_ref = <ref> AND NOT EXISTS (
            SELECT FROM membership AS back JOIN app_user AS again ON again.id = back.user_id
            WHERE back.org_id = gone.org_id AND again.ref = gone.person_ref))"""


def name_of(row: LiteralString, user: LiteralString) -> LiteralString:
    """SQL for the name of the account `user` beside a row of the organization's; both are aliases."""
    return f"coalesce({number_of(row, f'{user}.ref')}, nullif({user}.display_name, ''), {user}.email)"


def number_of(row: LiteralString, ref: LiteralString) -> LiteralString:
    """SQL for what is shown of a person who was erased; NULL for anybody else."""
    return _NUMBER.replace("<row>", row).replace("<ref>", ref)
