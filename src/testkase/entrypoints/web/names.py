"""Names behind the references that usage is recorded under. Who is gone keeps the name they had (P11)."""

from collections.abc import Iterable

from testkase.core.ledger.consumption import Part
from testkase.entrypoints.web.templatetags.testkase import use_case
from testkase.foundation.text import visible
from testkase.services.organizations.names import ErasedName, names_by_ref
from testkase.services.organizations.tenancy import run_here
from testkase.services.workspace.projects import names_of

NO_PROJECT_NAME = "No project"


def names_of_people(org_id: int, refs: Iterable[str]) -> dict[str, str]:
    """Display names of members, and of people who are gone, by the references of their use; who is not known by name is
    left out, but for references that cannot be shown as they are."""
    found = sorted(refs)
    return _unseen(found) | run_here(names_by_ref(org_id, found))


def shown_ref(ref: str, name: str) -> str:
    """The reference as people may see it: not that of a person who was erased."""
    return name if isinstance(name, ErasedName) else visible(ref)


def without_erased(names: dict[str, str]) -> dict[str, str]:
    """Whom a filter can name: its address holds the reference, and that of an erased person is not shown."""
    return {ref: name for ref, name in names.items() if not isinstance(name, ErasedName)}


def names_of_projects(org_id: int, keys: Iterable[str]) -> dict[str, str]:
    """Names of projects by their keys; keys of projects that are gone are left out, but for those that cannot be shown
    as they are."""
    found = sorted(keys)
    return _unseen(found) | run_here(names_of(org_id, found))


def _unseen(references: list[str]) -> dict[str, str]:
    return {one: shown for one in references if (shown := visible(one)) != one}


def names_of_parts(org_id: int, part: Part, references: list[str]) -> dict[str, str]:
    """A name for every one of the references of a breakdown."""
    if part is Part.USE_CASE:
        return {slug: use_case(slug) for slug in references}
    if part is Part.USER:
        return {ref: ref for ref in references} | names_of_people(org_id, references)
    return {key: key or NO_PROJECT_NAME for key in references} | names_of_projects(org_id, filter(None, references))
