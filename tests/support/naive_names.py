"""What the effect of a command is called: the same name is the same effect (I5).

Names live in families, and a hold is resolved once (I7), so a settlement and a void of one hold have one name.
"""

from collections.abc import Callable
from typing import Any

from testkase.core.ledger import commands as c
from testkase.core.ledger.limits import commands as limit


def operation_of(command: c.Command) -> str:
    """The family, and the caller's ids within it."""
    return _NAMES[type(command)](command)


def _of_settlement(command: c.SettleHold) -> str:
    hold = command.hold_id
    return f"resolution:{hold}" if command.final else f"capture:{hold}/{command.capture_id}"


def _of_limit(command: limit.LimitCommand) -> str:
    return f"limit:{command.change_id}"


_NAMES: dict[type[c.Command], Callable[[Any], str]] = {
    c.OpenAccount: lambda _: "open:account",
    c.OpenHold: lambda command: f"hold:{command.hold_id}",
    c.ExtendHold: lambda command: f"extension:{command.hold_id}/{command.extension_id}",
    c.SettleHold: _of_settlement,
    c.VoidHold: lambda command: f"resolution:{command.hold_id}",
    c.Touch: lambda _: "touch:",
    limit.SetBudget: _of_limit,
    limit.RaiseBudget: _of_limit,
    limit.RemoveBudget: _of_limit,
    limit.Pause: _of_limit,
    limit.Resume: _of_limit,
    c.Grant: lambda command: f"grant:{command.grant_id}",
    c.RecordUsage: lambda command: f"usage:{command.usage_id}",
    c.Adjust: lambda command: f"adjustment:{command.adjustment_id}",
    c.Reverse: lambda command: f"reversal:{command.reversal_id}",
    c.CoverDebt: lambda command: f"cover:{command.cover_id}",
    c.WriteOff: lambda command: f"writeoff:{command.writeoff_id}",
    c.SetOverage: lambda command: f"overage_limit:{command.setting_id}",
    c.SwitchAi: lambda command: f"switch:{command.switch_id}",
}
