"""What the effect of a command is called: the same name is the same effect (I5).

Names live in families, and a hold is resolved once (I7), so a settlement and a void of one hold have one name.
"""

from testkase.core.ledger import commands as c
from testkase.core.ledger.limits import commands as limit


def operation_of(command: c.Command) -> str:
    """The family, and the caller's ids within it."""
    match command:
        case c.OpenAccount():
            return "open:account"
        case c.OpenHold(hold_id=hold):
            return f"hold:{hold}"
        case c.ExtendHold(hold_id=hold, extension_id=name):
            return f"extension:{hold}/{name}"
        case c.SettleHold(hold_id=hold, final=False, capture_id=name):
            return f"capture:{hold}/{name}"
        case c.SettleHold(hold_id=hold) | c.VoidHold(hold_id=hold):
            return f"resolution:{hold}"
        case limit.LimitCommand(change_id=name):
            return f"limit:{name}"
        case c.Touch():
            return "touch:"
    return _of_money(command)


def _of_money(command: c.Command) -> str:
    """Of what moves credits or rules without a call."""
    match command:
        case c.Grant(grant_id=name):
            return f"grant:{name}"
        case c.RecordUsage(usage_id=name):
            return f"usage:{name}"
        case c.Adjust(adjustment_id=name):
            return f"adjustment:{name}"
        case c.Reverse(reversal_id=name):
            return f"reversal:{name}"
        case c.CoverDebt(cover_id=name):
            return f"cover:{name}"
        case c.WriteOff(writeoff_id=name):
            return f"writeoff:{name}"
        case c.SetOverage(setting_id=name):
            return f"overage_limit:{name}"
        case c.SwitchAi(switch_id=name):
            return f"switch:{name}"
    raise AssertionError(f"{command} has no name")
