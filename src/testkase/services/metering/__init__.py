"""Metering (P17): estimate → hold for the most a call can cost → call the model → settle what it really used."""

from testkase.services.metering.interaction import Interaction
from testkase.services.metering.meter import Meter
from testkase.services.metering.policy import Policy
from testkase.services.metering.problems import AlreadyCalled, CutOff, TooManyOpenCalls
from testkase.services.metering.settle import Settlement, bare_name, is_metered, metered_id

__all__ = [
    "AlreadyCalled", "CutOff", "Interaction", "Meter", "Policy", "Settlement", "TooManyOpenCalls", "bare_name",
    "is_metered", "metered_id",
]  # fmt: skip
