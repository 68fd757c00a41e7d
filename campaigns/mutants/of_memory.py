"""Mistakes in what the engine decides from memory (docs/decisions/0016): what is believed, compared and kept."""

from campaigns.mutants.mutant import Mutant, Patch

_TOLD = ("simulate-postgres",)
_MANY = _ONE = "schema/ddl/0043_operations.sql"
_HEADS = "core/ledger/heads.py"
_ATTEMPTS = "core/ledger/attempts.py"
_WAITING = "core/ledger/waiting.py"


def _alone(name: str, what: str, old: str, new: str) -> Mutant:
    return Mutant(name, what, (Patch(_ONE, old, new),), _TOLD)


OF_MEMORY = (
    Mutant(
        "stale-head-told",
        "what was decided on a stale head is told, though nothing was written",
        (
            Patch(
                _ATTEMPTS,
                "self._batch.follows() else {}\n            return [None] * len(commands)\n",
                "self._batch.follows() else {}\n            return decided.outcomes\n",
            ),
        ),
        _TOLD,
    ),
    Mutant(
        "refusal-believed",
        "memory is believed when it refuses, which nothing verifies",
        (
            Patch(
                _HEADS,
                "            self.doubt([org_id])\n            return None\n",
                "            pass\n",
            ),
            Patch(
                _ATTEMPTS,
                "append_known_statement(list(decided.books.values()),",
                "append_known_statement(touched(decided.books),",
            ),
        ),
        _TOLD,
    ),
    Mutant(
        "loads-overtake",
        "what must be loaded does not wait for what its organization asked before",
        (Patch(_ATTEMPTS, "            await self._batch.end_of_those_before()\n", ""),),
        _TOLD,
    ),
    Mutant(
        "loaded-twice-at-once",
        "what an organization asks for while it is loaded does not wait",
        (Patch(_WAITING, "return last is None or (org_id in last.sent and last.follows())", "return True"),),
        _TOLD,
    ),
    Mutant(
        "lost-line-told",
        "what was sent on a connection that is lost is told as written",
        (
            Patch(
                _ATTEMPTS,
                "                await conversation.close()\n            raise\n",
                "                await conversation.close()\n                return decided.outcomes\n"
                "            raise\n",
            ),
        ),
        _TOLD,
    ),
    Mutant(
        "own-commit-is-a-repetition",
        "an answer that was written and not heard of is told as one to a repetition",
        (Patch("core/ledger/engine.py", "return next(ours, outcome)", "return outcome"),),
        _TOLD,
    ),
    Mutant(
        "due-by-memory",
        "what is due is posted from memory, which does not have every hold",
        (Patch(_HEADS, " or now >= account.due_at or account.last_at >= account.due_at:", ":"),),
        _TOLD,
    ),
    Mutant(
        "limits-forgotten",
        "an organization is remembered without its budgets and pauses",
        (Patch(_HEADS, "book.limits if account.limited else None", "None"),),
        _TOLD,
    ),
    Mutant(
        "any-time",
        "whatever a server takes for the time is written",
        (Patch(_MANY, "(accounts) OR abs(here - decided_at) > 2000000 THEN", "(accounts) THEN"),),
        ("rush",),
    ),
    Mutant(
        "any-time-alone",
        "whatever a server takes for the time of a lone command is written",
        (Patch(_ONE, "NOT FOUND OR abs(here - decided_at) > 2000000 THEN", "NOT FOUND THEN"),),
        ("rush",),
    ),
    _alone(
        "available-not-written-alone",
        "a lone command does not write what is left of a lot",
        "SET available = lot.available, held = lot.held,",
        "SET held = lot.held,",
    ),
    _alone(
        "due-not-written-alone",
        "a lone command does not write when something is due",
        "due_at = moved.due_at, ",
        "",
    ),
    _alone(
        "hold-stays-alone",
        "a lone settlement leaves its hold open",
        "h.hold_id = closed;",
        "h.hold_id = closed AND recorded.org_id IS NULL;",
    ),
    _alone(
        "day-forgets-alone",
        "a lone settlement is not added to its day",
        "                added.charged, added.input_tokens, added.output_tokens)\n"
        "        ON CONFLICT (org_id, day, use_case, user_ref, project_ref) DO UPDATE\n"
        "        SET interactions = d.interactions + excluded.interactions, charged",
        "                added.charged, added.input_tokens, added.output_tokens)\n"
        "        ON CONFLICT (org_id, day, use_case, user_ref, project_ref) DO UPDATE\n"
        "        SET charged",
    ),
)
