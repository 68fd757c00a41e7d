"""What each campaign has to reach, and the best of its kind known elsewhere: two columns of docs/campaigns.md."""

from typing import NamedTuple


class Goal(NamedTuple):
    """One figure to reach."""

    figure: str
    elsewhere: str = "—"


GOALS: dict[str, Goal] = {
    "simulate": Goal("10⁸ operations, 0 violations, seed replays", "TigerBeetle’s simulator; Blnk: 512 × 512"),
    "simulate-postgres": Goal("10⁷ operations in step with PostgreSQL, 0 violations"),
    "calendar": Goal("anchors 1–31 × all IANA zones × 96 months, 0 faults"),
    "last-credit": Goal("10⁴ rounds of 64 callers, accepted = floor(balance / amount)", "Formance: 500 × 2"),
    "rush": Goal("the same without HTTP, 10⁴ rounds", "Formance: 500 × 2"),
    "sums": Goal("every page and file shows one sum, after 10⁴ operations"),
    "payments": Goal("10⁶ deliveries of 1,000 payments, exactly 1,000 grants", "1,000 × 3"),
    "lost-reports": Goal("a day of reports lost: granted ≤ 10 min after capture, 0 double"),
    "money-back": Goal("10⁴ stories on PostgreSQL and every order up to 7 reports on the model, equal to the oracle"),
    "tamper": Goal("10⁴ changes, all found, 0 false alarms"),
    "tenants": Goal("≥ 10⁴ cases, 0 leaks, no route without a row", "OWASP ASVS 8.4.1 asks for it"),
    "row-security": Goal("10⁴ tries, 0 rows"),
    "fuzz": Goal("10⁵ requests, no 5xx, no change on 4xx"),
    "canaries": Goal("0 in anything written"),
    "switch": Goal("1,000 switches, nothing charged while AI is off"),
    "cut-streams": Goal("1,000 streams, delivered always charged, holds gone in time"),
    "crash": Goal("1,000 kills, 0 lost, 0 double, 0 stuck holds", "TigerBeetle’s Vortex"),
    "mutants": Goal("no planted mistake survives; at least 30"),
    "upgrade": Goal("300 kills of migrations, nothing lost, books right"),
}
