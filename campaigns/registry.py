"""Every campaign there is. One that is not listed here does not run."""

from campaigns.campaign import Campaign
from campaigns.canaries.canaries import CANARIES
from campaigns.crash.crash import CRASH
from campaigns.fuzz.fuzz import FUZZ
from campaigns.isolation.row_security import ROW_SECURITY
from campaigns.ledger.calendar import CALENDAR
from campaigns.ledger.last_credit import LAST_CREDIT
from campaigns.ledger.rush import RUSH
from campaigns.ledger.simulate import SIMULATE
from campaigns.ledger.simulate_postgres import SIMULATE_POSTGRES
from campaigns.ledger.sums import SUMS
from campaigns.mutants.hunt import MUTATED
from campaigns.payments.lost_reports import LOST_REPORTS
from campaigns.payments.money_back import MONEY_BACK
from campaigns.payments.payments import PAYMENTS
from campaigns.streams.cutting import CUT_STREAMS
from campaigns.streams.switch import SWITCH
from campaigns.tampering.tampering import TAMPER
from campaigns.tenants.tenants import TENANTS
from campaigns.upgrade.upgrade import UPGRADE

CAMPAIGNS: dict[str, Campaign] = {
    campaign.name: campaign
    for campaign in (
        SIMULATE,
        SIMULATE_POSTGRES,
        CALENDAR,
        LAST_CREDIT,
        RUSH,
        SUMS,
        PAYMENTS,
        LOST_REPORTS,
        MONEY_BACK,
        TAMPER,
        TENANTS,
        ROW_SECURITY,
        FUZZ,
        CANARIES,
        SWITCH,
        CUT_STREAMS,
        CRASH,
        MUTATED,
        UPGRADE,
    )
}
