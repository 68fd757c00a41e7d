"""Names people give to things: one line, of a length that fits. Addresses that letters reach. Names of members."""

from testkase.foundation.database import Operation, Statement
from testkase.foundation.problems import InvalidInput
from testkase.foundation.text import in_one_line

_NAMES = """
SELECT gone.ref, known.actor_name AS name, false AS erased, 1 AS rank
FROM unnest(%(refs)s::text[]) AS gone (ref)
CROSS JOIN LATERAL (
    SELECT a.actor_name FROM activity AS a
    WHERE a.org_id = %(org_id)s AND a.actor_ref = gone.ref AND a.actor_kind = 'person' LIMIT 1
) AS known
UNION ALL
SELECT e.person_ref, 'Erased person ' || e.number, true, 2
FROM erased_person AS e
WHERE e.org_id = %(org_id)s AND e.person_ref = ANY (%(refs)s)
UNION ALL
SELECT u.ref, coalesce(nullif(u.display_name, ''), split_part(u.email, '@', 1)), false, 3
FROM app_user AS u JOIN membership AS m ON m.user_id = u.id
WHERE m.org_id = %(org_id)s AND u.ref = ANY (%(refs)s)
ORDER BY rank
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


def names_by_ref(org_id: int, refs: list[str]) -> Operation[dict[str, str]]:
    """Names of members by the references of their use, and of people who are gone the name they had when they acted
    here, or a number where they were erased. Somebody who came back has a name again; whom nobody knows is left out."""
    if not refs:
        return {}
    rows = yield Statement(_NAMES, {"org_id": org_id, "refs": refs})
    return {row["ref"]: ErasedName(row["name"]) if row["erased"] else row["name"] for row in rows}
