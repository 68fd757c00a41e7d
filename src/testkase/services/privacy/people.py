"""People who were erased: shown as "Erased person 3" wherever use and changes are recorded under their reference.

The reference stays in the journal and the history, whose hashes cover it (docs/decisions/0012-erasure.md).
"""

from testkase.foundation.database import Operation, Statement

_ADD = """
INSERT INTO erased_person (org_id, person_ref, number)
SELECT %(org_id)s, %(ref)s, 1 + coalesce((SELECT max(number) FROM erased_person WHERE org_id = %(org_id)s), 0)
ON CONFLICT (org_id, person_ref) DO NOTHING
"""
_LOCK = "SELECT 1 FROM organization WHERE id = %(org_id)s FOR NO KEY UPDATE"
"""Numbers are given one after the other."""


def erase_name(org_id: int, ref: str) -> Operation[None]:
    """From now on a number is shown instead of this reference and its names; of a member once they have left. Until
    then their name is their account's, and whoever works here must be known."""
    yield Statement(_LOCK, {"org_id": org_id})
    yield Statement(_ADD, {"org_id": org_id, "ref": ref})
