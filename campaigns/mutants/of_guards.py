"""Mistakes in what stands behind the rules: the walls between organizations, and the auditor who reads the books."""

from campaigns.mutants.mutant import Mutant, Patch

_TABLES = "schema/ddl/0001_ledger.sql"
_AUDIT, _USAGE_AUDIT, _ACCOUNT_AUDIT = (f"core/ledger/{name}.py" for name in ("audit", "usage_audit", "account_audit"))
_VERIFY = "core/ledger/verify.py"
_OURS = "USING (org_id = nullif(current_setting('app.org_id', true), '')::bigint);"


def _wall(name: str, what: str, old: str, new: str) -> Mutant:
    return Mutant(name, what, (Patch(_TABLES, old, new),), ("row-security",))


def _audit(name: str, what: str, old: str, new: str, *, file: str = _AUDIT) -> Mutant:
    return Mutant(name, what, (Patch(file, old, new),), ("tamper",))


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
    _audit(
        "days-not-added-up",
        "the self-audit does not add up calls to their days",
        "if said.get(place) != self._days.get(place)",
        "if place not in said",
        file=_USAGE_AUDIT,
    ),
    _audit(
        "sums-of-days-unread",
        "the self-audit does not compare a day's sums with its days",
        'for what, rows in (("day", days), ("month from", months)):',
        'for what, rows in (("month from", months),):',
        file=_VERIFY,
    ),
    _audit(
        "sums-of-months-unread",
        "the self-audit does not compare a month's sums with its days",
        'for what, rows in (("day", days), ("month from", months)):',
        'for what, rows in (("day", days),):',
        file=_VERIFY,
    ),
    _audit(
        "end-of-sums-believed",
        "the self-audit believes wherever days are said to be summed up to",
        'for row in (yield Statement(_SQL["misplaced_end"], {"org_id": org_id})):',
        'for row in (yield Statement(_SQL["misplaced_end"], {"org_id": org_id}))[:0]:',
        file=_VERIFY,
    ),
    _audit(
        "due-date-believed",
        "the self-audit believes when an account says something is due",
        'if account["due_at"] > soonest:',
        'if account["due_at"] > account["period_end"]:',
        file=_ACCOUNT_AUDIT,
    ),
    _audit(
        "usage-not-compared",
        "the self-audit does not compare what a row of usage says was charged",
        "if charged is not None and charged != entry.deltas.used:",
        "if charged is not None and charged < 0:",
        file=_USAGE_AUDIT,
    ),
)
