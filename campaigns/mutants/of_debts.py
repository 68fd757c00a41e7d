"""Mistakes in refunds, disputes and debts, in overage and in the switch."""

from campaigns.mutants.mutant import rule

MONEY_BACK = (
    rule(
        "expired-is-owed",
        "what expired of a refunded lot is owed as if it had been spent",
        "rules.py",
        "claw.clawed - lot.available - claw.reversed - claw.expired)",
        "claw.clawed - lot.available - claw.reversed)",
    ),
    rule(
        "dispute-does-not-freeze",
        "a dispute leaves the credits within reach",
        "rules.py",
        "unspent if claw.frozen else min(claw.clawed, unspent)",
        "min(claw.clawed, unspent)",
    ),
    rule(
        "expired-comes-back",
        "what is released into an expired lot can be spent",
        "movement.py",
        "(lot.expires_at is None or lot.expires_at > now):",
        "(lot.expires_at is None or lot.expires_at > 0):",
    ),
    rule(
        "forgiven-is-given",
        "a forgiven debt comes back as credits",
        "movement.py",
        "covered = min(less - cancelled, account.covered)",
        "covered = less - cancelled",
    ),
    rule(
        "debt-stays",
        "less owed does not cancel debt",
        "movement.py",
        "cancelled = min(less, account.debt)",
        "cancelled = 0",
    ),
    rule(
        "debt-not-covered",
        "credits that come leave the debt as it is",
        "issuing.py",
        "to_debt = min(account.debt, amount)",
        "to_debt = 0",
    ),
    rule(
        "covered-forgotten",
        "what covered a debt is not remembered",
        "reversing.py",
        '"covered": account.covered + amount}',
        '"covered": account.covered}',
    ),
    rule(
        "more-forgiven-than-owed",
        "more may be forgiven than is owed",
        "reversing.py",
        "    _check_owed(account, command.amount or 1)\n",
        "    _check_owed(account, 1)\n",
    ),
    rule(
        "debt-grows",
        "debt counts the other way",
        "posting.py",
        "debt=account.debt - deltas.debt",
        "debt=account.debt + deltas.debt",
    ),
)

OVERAGE_AND_SWITCH = (
    rule(
        "cap-per-call",
        "every call may use the whole cap beyond the balance",
        "lending.py",
        "account.overage_limit - account.overage)",
        "account.overage_limit)",
    ),
    rule(
        "lent-first",
        "what is lent is charged before what was bought",
        "lending.py",
        "return tuple(sorted(parts, key=lambda",
        "return tuple(sorted(parts, reverse=True, key=lambda",
    ),
    rule(
        "held-is-billed",
        "what calls under way were lent is billed as used",
        "lending.py",
        "used = account.overage - sum(",
        "used = account.overage - 0 * sum(",
    ),
    rule(
        "off-lets-run",
        "switching off leaves open holds alone",
        "switching.py",
        "    if not command.enabled:\n",
        "    if command.enabled:\n",
    ),
    rule(
        "off-not-remembered",
        "switching off is not remembered once AI is on again",
        "switching.py",
        "off_seq = account.off_seq if command.enabled else account.last_seq + 1",
        "off_seq = 0 if command.enabled else account.last_seq + 1",
    ),
)

OF_DEBTS = (*MONEY_BACK, *OVERAGE_AND_SWITCH)
