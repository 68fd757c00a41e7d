"""The activity history: who changed money, people, settings and keys, append-only and hash-chained. Free of Django.

run_here(record(org_id, Activity(action="member.role_changed", actor=actor, target="Ben", details={…})))
yield from record(org_id, activity, event_id="operator:17")
"""

from testkase.services.audit.acknowledgement import ADVICE_VERSION, Acknowledgement, acknowledgement, record_switch
from testkase.services.audit.chain import BrokenLink, verify_activity
from testkase.services.audit.model import OPERATOR, Activity, Actor, Category, Record
from testkase.services.audit.recording import record

__all__ = [
    "ADVICE_VERSION",
    "OPERATOR",
    "Acknowledgement",
    "Activity",
    "Actor",
    "BrokenLink",
    "Category",
    "Record",
    "acknowledgement",
    "record",
    "record_switch",
    "verify_activity",
]
