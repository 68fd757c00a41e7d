"""The wrong contexts: none, one that is over, another organization's, nonsense, and tries to be somebody else."""

from dataclasses import dataclass

from campaigns.isolation.planting import NEIGHBOUR, OWN

BEGIN, COMMIT, ROLLBACK = "BEGIN", "COMMIT", "ROLLBACK"


def _set(value: object, *, local: bool = True) -> str:
    text = str(value).replace("'", "''")
    return f"SELECT set_config('app.org_id', '{text}', {'true' if local else 'false'})"


@dataclass(frozen=True, slots=True)
class Context:
    """Statements before the try, in its own transaction unless they end one. `own`: whose rows may be seen are one's
    own; else nobody's may."""

    name: str
    statements: tuple[str, ...]
    own: bool = False


RIGHT = Context("the neighbour itself", (BEGIN, _set(NEIGHBOUR)))
"""Not a try: shows that a form sees something where it may."""

_NONSENSE = (
    "", "   ", "null", "NULL", "none", "0", "-1", "abc", "*", "%", f"{NEIGHBOUR}x", f"{NEIGHBOUR},{OWN}",
    f"{NEIGHBOUR}.0", f"{NEIGHBOUR} OR true", f"{NEIGHBOUR}'--", "true", "1e0", "9" * 30, f"{{{NEIGHBOUR}}}",
    f"-{NEIGHBOUR}", str(NEIGHBOUR)[:-1], f"{NEIGHBOUR}0", str(NEIGHBOUR + 1), f"\u0660{NEIGHBOUR}", "NaN", "infinity",
)  # fmt: skip

_ROLES = (
    "SET ROLE testkase_ledger", "SET LOCAL ROLE testkase_ledger", "SET ROLE postgres", "SET ROLE NONE", "RESET ROLE",
    "SET SESSION AUTHORIZATION postgres", "SET SESSION AUTHORIZATION testkase_ledger", "RESET SESSION AUTHORIZATION",
    "SET LOCAL row_security = off", "SET LOCAL session_replication_role = replica",
    "SET LOCAL search_path = ledger, public",
    "SET LOCAL check_function_bodies = off", "SET LOCAL plan_cache_mode = force_generic_plan",
    "ALTER ROLE CURRENT_USER BYPASSRLS", "ALTER ROLE CURRENT_USER SUPERUSER", "GRANT testkase_ledger TO CURRENT_USER",
    "RESET app.org_id", "RESET ALL", "DISCARD PLANS", "DISCARD TEMP",
)  # fmt: skip

CONTEXTS: tuple[Context, ...] = (
    Context("unset", (BEGIN,)),
    Context("another organization", (BEGIN, _set(OWN)), own=True),
    Context("another organization, for the session", (_set(OWN, local=False), BEGIN), own=True),
    Context("after commit", (BEGIN, _set(NEIGHBOUR), "SELECT 1", COMMIT, BEGIN)),
    Context("after rollback", (BEGIN, _set(NEIGHBOUR), "SELECT 1", ROLLBACK, BEGIN)),
    Context("after a savepoint", (BEGIN, "SAVEPOINT s", _set(NEIGHBOUR), "ROLLBACK TO s")),
    Context("set and unset", (BEGIN, _set(NEIGHBOUR), _set(""))),
    Context("reset", (BEGIN, _set(NEIGHBOUR), "RESET app.org_id")),
    Context("changed to another", (BEGIN, _set(NEIGHBOUR), _set(OWN)), own=True),
    Context("a session's context under a local one", (_set(OWN, local=False), BEGIN, _set("")), own=False),
    Context("a setting of another name", (BEGIN, f"SELECT set_config('app.organization', '{NEIGHBOUR}', true)")),
    *(Context(f"nonsense {value!r}", (BEGIN, _set(value))) for value in _NONSENSE),
    *(Context(role, (BEGIN, _set(OWN), role), own=True) for role in _ROLES),
    *(Context(f"{role}, without a context", (BEGIN, role)) for role in _ROLES),
)
