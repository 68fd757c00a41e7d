"""Names people give to things: one line, of a length that fits. Addresses that letters reach. Names of members."""

from testkase.foundation.database import Operation, Statement
from testkase.foundation.problems import InvalidInput
from testkase.foundation.text import in_one_line

_MEMBER_NAMES = """
SELECT u.ref, coalesce(nullif(u.display_name, ''), split_part(u.email, '@', 1)) AS name, false AS erased
FROM app_user AS u JOIN membership AS m ON m.user_id = u.id
WHERE m.org_id = %(org_id)s AND u.ref = ANY (%(refs)s)
UNION ALL
SELECT e.person_ref, 'Erased person ' || e.number, true
FROM erased_person AS e
WHERE e.org_id = %(org_id)s AND e.person_ref = ANY (%(refs)s)
ORDER BY erased DESC
"""


class ErasedName(str):
    """What is shown of a person who was erased: instead of their name, and instead of the reference of their use."""

    __slots__ = ()


def clean_name(text: str, longest: int, what: str, *, field: str = "name") -> str:
    """The name without stray spaces. Raises InvalidInput, naming `what`, when it is empty or too long."""
    text = in_one_line(text)
    if not 1 <= len(text) <= longest:
        raise InvalidInput(f"{what} needs 1 to {longest} characters.", field=field)
    return text


def is_mailable(email: str) -> bool:
    """Whether a letter can be addressed there: domains of other letters must have a spelling that mail servers take."""
    try:
        email.rpartition("@")[2].encode("idna")
    except UnicodeError:
        return False
    return True


def member_names(org_id: int, refs: list[str]) -> Operation[dict[str, str]]:
    """Names of members by the references of their use; references of people who are gone are left out, but for those
    who were erased. Somebody who came back has a name again."""
    if not refs:
        return {}
    rows = yield Statement(_MEMBER_NAMES, {"org_id": org_id, "refs": refs})
    return {row["ref"]: ErasedName(row["name"]) if row["erased"] else row["name"] for row in rows}
