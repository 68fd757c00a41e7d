"""What changes while people look on and calls run: seen once a second for everybody, told to whoever watches."""

from testkase.services.live.pulse import Pulse
from testkase.services.live.ticket import Ticket, TicketInvalid, issue, read
from testkase.services.live.watcher import Watcher

__all__ = ["Pulse", "Ticket", "TicketInvalid", "Watcher", "issue", "read"]
