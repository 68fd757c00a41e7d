"""Mistakes in budgets and pauses."""

from campaigns.mutants.mutant import rule

OF_LIMITS = (
    rule(
        "budget-never-resets",
        "a budget's use goes on into its next period",
        "limits/periods.py",
        "used=0, extra=0)",
        "extra=0)",
    ),
    rule("extra-for-ever", "an addition for one period stays", "limits/periods.py", "used=0, extra=0)", "used=0)"),
    rule(
        "week-from-sunday",
        "weeks begin on Sunday",
        "limits/periods.py",
        "timedelta(days=first.weekday()), 7",
        "timedelta(days=(first.weekday() + 1) % 7), 7",
    ),
    rule(
        "every-project",
        "a project's budget counts every project",
        "limits/model.py",
        "and (self.project is None or self.project == subject.project)",
        "and (self.project is None or self.project != '')",
    ),
    rule(
        "held-not-counted",
        "budgets do not count what is held",
        "limits/model.py",
        "return self.allowed - self.used - self.held",
        "return self.allowed - self.used",
    ),
    rule(
        "budget-one-short",
        "the last micro-credit of a budget cannot be used",
        "limits/admission.py",
        "amount > tightest.left:",
        "amount >= tightest.left:",
    ),
    rule(
        "use-case-not-paused",
        "pausing a use case does nothing",
        "limits/admission.py",
        ' or limits.pauses.get(("use_case", subject.use_case))',
        "",
    ),
    rule(
        "budget-starts-empty",
        "a new budget does not see what is held",
        "limits/changing.py",
        "held=sum(hold.amount for",
        "held=0 * sum(hold.amount for",
    ),
    rule(
        "first-day-missing",
        "a new budget does not count the first day of its period",
        "limits/changing.py",
        "if day >= first_day)",
        "if day > first_day)",
    ),
    rule(
        "for-good-once",
        "what is added for good is added for the period",
        "limits/changing.py",
        "if command.for_good else",
        "if not command.for_good else",
    ),
    rule(
        "pause-begins-anew",
        "pausing again moves the instant of the pause",
        "limits/changing.py",
        "paused_at=before.paused_at if before else now",
        "paused_at=now",
    ),
)
