"""Mistakes between the rules and the rows: what is loaded, what is written, by statements and by functions in SQL."""

from campaigns.mutants.mutant import Mutant, Patch

_TOLD = ("simulate-postgres",)
_FUNCTIONS = _APPEND = "schema/ddl/0043_operations.sql"
_ROWS = "schema/ddl/0027_hot_path.sql"
_CLAWS = "schema/ddl/0014_reversals.sql"
_LIMITS = "schema/ddl/0005_ledger_functions.sql"


def _mistake(name: str, what: str, file: str, old: str, new: str) -> Mutant:
    return Mutant(name, what, (Patch(file, old, new),), _TOLD)


_PYTHON = (
    _mistake(
        "closed-holds-stay",
        "holds that are resolved stay open in the table",
        "core/ledger/writing.py",
        "book.closed_holds & book.loaded_holds",
        "book.closed_holds - book.loaded_holds",
    ),
    _mistake(
        "days-overwritten",
        "the second call of a day in one batch replaces the first",
        "core/ledger/writing.py",
        "day.charged += entry.deltas.used",
        "day.charged = entry.deltas.used",
    ),
    _mistake(
        "days-in-utc",
        "usage is summed by days in UTC",
        "core/ledger/writing.py",
        "local_day(account.time_zone, entry.at), subject.use_case",
        'local_day("UTC", entry.at), subject.use_case',
    ),
    _mistake(
        "off-without-holds",
        "switching off does not see holds that are not due",
        "core/ledger/reading.py",
        "isinstance(command, SwitchAi | SetBudget)",
        "isinstance(command, SetBudget)",
    ),
    _mistake(
        "budget-without-holds",
        "a new budget does not see holds that are not due",
        "core/ledger/reading.py",
        "isinstance(command, SwitchAi | SetBudget)",
        "isinstance(command, SwitchAi)",
    ),
    _mistake(
        "removed-budget-comes-back",
        "a budget that was removed is not removed from the table",
        "core/ledger/limits/rows.py",
        'rows["removed"] += limits.removed.values()',
        'rows["removed"] += []',
    ),
)

_LOADED = (
    _mistake(
        "only-available-lots",
        "lots that are wholly held are not loaded",
        _FUNCTIONS,
        "WHERE l.org_id = ANY (orgs) AND l.live;\n",
        "WHERE l.org_id = ANY (orgs) AND l.available > 0;\n",
    ),
    _mistake(
        "due-holds-missed",
        "at the very instant something is due, not all holds are loaded",
        _FUNCTIONS,
        "IF soonest <= now OR behind THEN",
        "IF soonest < now OR behind THEN",
    ),
    _mistake(
        "columns-swapped",
        "of a lot, what is held is read as available",
        _ROWS,
        "l.granted, l.available, l.held, l.granted_at,",
        "l.granted, l.held, l.available, l.granted_at,",
    ),
    _mistake(
        "spent-lot-not-loaded",
        "a refund does not see a lot that is wholly spent",
        _FUNCTIONS,
        "AND l.lot_id = o.seq AND NOT l.live",
        "AND l.lot_id = o.seq AND l.live",
    ),
    _mistake(
        "frozen-not-told",
        "a lot in dispute that lost nothing yet is loaded as untouched",
        _CLAWS,
        "OR l.clawed <> 0 OR l.frozen\n",
        "OR l.clawed <> 0\n",
    ),
    _mistake(
        "spent-of-one-week", "a new monthly budget sees the last week alone", _FUNCTIONS, "::date - 33", "::date - 7"
    ),
    _mistake(
        "spent-of-every-user",
        "a new budget of one user counts every user's calls",
        _FUNCTIONS,
        """                AND d.user_ref = coalesce(s."user", d.user_ref)\n""",
        "",
    ),
    _mistake(
        "resumed-still-paused",
        "what was resumed is loaded as paused",
        _FUNCTIONS,
        "ANY (limited) AND p.resumed_at IS NULL",
        "ANY (limited)",
    ),
    Mutant(
        "no-row-lock",
        "two batches read the same balance before either writes (check, then charge)",
        (Patch(_FUNCTIONS, "ORDER BY o.org_id FOR NO KEY UPDATE", "ORDER BY o.org_id"),),
        ("rush",),
    ),
)

_WRITTEN = (
    _mistake(
        "ids-not-written",
        "of a batch's ids only the first is written down, and the others act again",
        _APPEND,
        "        SELECT n.org_id, n.operation_id, n.seq, n.at FROM unnest(entries) AS n;\n",
        "        SELECT n.org_id, n.operation_id, n.seq, n.at FROM unnest(entries) AS n LIMIT 1;\n",
    ),
    _mistake(
        "covered-not-written",
        "what covered a debt is not written",
        _APPEND,
        "debt = n.debt, covered = n.covered,\n",
        "debt = n.debt,\n",
    ),
    _mistake(
        "off-not-written",
        "when AI went off last is not written",
        _APPEND,
        "off_seq = n.off_seq, limited = n.limited",
        "limited = n.limited",
    ),
    _mistake(
        "thaw-not-written",
        "a lot once frozen stays frozen",
        _APPEND,
        "            frozen = n.frozen\n",
        "            frozen = l.frozen OR n.frozen\n",
    ),
    _mistake(
        "extension-keeps-lots",
        "a hold that grew keeps the lots it had",
        _APPEND,
        "SET amount = n.amount, lots = n.lots, expires_at",
        "SET amount = n.amount, expires_at",
    ),
    _mistake(
        "day-replaced",
        "a day's charges are replaced by the latest batch's",
        _APPEND,
        "        FROM unnest(usage_days) AS n\n"
        "        ON CONFLICT (org_id, day, use_case, user_ref, project_ref) DO UPDATE\n"
        "        SET interactions = d.interactions + excluded.interactions, charged = d.charged + excluded.charged,\n",
        "        FROM unnest(usage_days) AS n\n"
        "        ON CONFLICT (org_id, day, use_case, user_ref, project_ref) DO UPDATE\n"
        "        SET interactions = d.interactions + excluded.interactions, charged = excluded.charged,\n",
    ),
    _mistake(
        "budget-use-not-written",
        "what a budget used is not written",
        _LIMITS,
        "period_end = excluded.period_end, used = excluded.used, held",
        "period_end = excluded.period_end, held",
    ),
    _mistake(
        "resume-not-written",
        "resuming is not written",
        _LIMITS,
        "        resumed_at = excluded.resumed_at;",
        "        resumed_at = ledger.pause.resumed_at;",
    ),
)

OF_THE_DATABASE = (*_PYTHON, *_LOADED, *_WRITTEN)
