"""Mistakes in what stands behind the rules: the walls between organizations, and the auditor who reads the books."""

from campaigns.mutants.mutant import Mutant, Patch

_TABLES = "schema/ddl/0001_ledger.sql"
_AUDIT = "core/ledger/audit.py"
_OURS = "USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);"


def _wall(name: str, what: str, old: str, new: str) -> Mutant:
    return Mutant(name, what, (Patch(_TABLES, old, new),), ("row-security",))


def _audit(name: str, what: str, old: str, new: str) -> Mutant:
    return Mutant(name, what, (Patch(_AUDIT, old, new),), ("tamper",))


OF_GUARDS = (
    _wall(
        "no-wall",
        "one table is open to every organization",
        f"CREATE POLICY tenant ON ledger.lot       TO testkase_app {_OURS}",
        "CREATE POLICY tenant ON ledger.lot       TO testkase_app USING (true);",
    ),
    _wall(
        "no-context-sees-all",
        "without a context every row of one table is seen",
        f"CREATE POLICY tenant ON ledger.open_hold TO testkase_app {_OURS}",
        "CREATE POLICY tenant ON ledger.open_hold TO testkase_app"
        " USING (org_id = coalesce(nullif(current_setting('app.org_id', true), '')::bigint, org_id));",
    ),
    _wall(
        "wall-written-but-inert",
        "row-level security of one table is written and not enabled",
        "ALTER TABLE ledger.open_hold ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;\n",
        "",
    ),
    _audit(
        "hash-not-checked",
        "the self-audit does not compute an entry's hash again",
        "if entry_hash(self._hash, entry) != recorded_hash:",
        "if len(recorded_hash) != 32:",
    ),
    _audit(
        "holds-only-counted",
        "the self-audit counts open holds, whatever they hold",
        "if open_holds != self._holds:",
        "if len(open_holds) != len(self._holds):",
    ),
    _audit(
        "lots-not-compared",
        "the self-audit compares nothing of lots that are there",
        "(recorded := (lot.available, lot.held) if lot else (0, 0)) != summed_lot:",
        "(recorded := (0, 0)) != summed_lot and lot is None:",
    ),
)
