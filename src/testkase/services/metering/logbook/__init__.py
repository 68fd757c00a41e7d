"""What calls in flight have delivered, kept where the death of the process cannot take it: a killed process's streams
are charged by whoever comes after it, for what they had delivered and no more."""

from testkase.services.metering.logbook.keeping import Keeper
from testkase.services.metering.logbook.pages import Page

__all__ = ["Keeper", "Page"]
