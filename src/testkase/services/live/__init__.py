"""What changes while people look on and calls run: seen once a second for everybody, told to whoever watches."""

from testkase.services.live.pulse import Pulse, pulses
from testkase.services.live.ticket import LIFE_SECONDS, Ticket, TicketInvalid, issue, read
from testkase.services.live.watcher import Watcher

__all__ = ["LIFE_SECONDS", "Pulse", "Ticket", "TicketInvalid", "Watcher", "issue", "pulses", "read"]
