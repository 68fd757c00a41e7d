"""What happened, as a sentence for people: who did it, then what they did."""

from collections.abc import Mapping

from testkase.core.ledger.queries import UsageRow
from testkase.services.audit.model import Record
from testkase.services.features.names import use_case_name

_CHANGES = {
    "organization.opened": "opened the organization {target}",
    "organization.renamed": "renamed the organization from {from} to {target}",
    "member.joined": "joined as {role}",
    "member.role_changed": "changed {target}'s role from {from} to {to}",
    "member.removed": "removed {target} from the organization",
    "member.left": "left the organization",
    "ownership.transferred": "handed ownership over to {target}",
    "invitation.sent": "invited {target} as {role}",
    "invitation.renewed": "sent the invitation of {target} again",
    "invitation.revoked": "withdrew the invitation of {target}",
    "invitation.accepted": "accepted the invitation of {by} and joined as {role}",
    "project.created": "opened the project {target}",
    "project_member.added": "added {target} to the project as {role}{permission}",
    "project_member.changed": "made {target} {role} of the project{permission}",
    "project_member.removed": "removed {target} from the project",
    "cycle.finished": "finished the test cycle {target}",
    "cycle.reopened": "took the test cycle {target} up again",
    "cycle.deleted": "deleted the test cycle {target} and its results",
    "folder.deleted": "deleted the folder {target}; {cases} moved up",
    "chat.deleted": "deleted a chat of their own: {target}",
    "report.deleted": "deleted an AI report: {target}",
    "report_schedule.set": "scheduled AI reports, {every}: {target}",
    "report_schedule.removed": "ended the scheduled AI reports",
    "report_schedule.stopped": "stopped the scheduled AI reports: {reason}",
    "import.finished": "imported {target}: {told}",
    "api_key.created": "created the API key {target} ({prefix}…)",
    "api_key.revoked": "revoked the API key {target} ({prefix}…)",
    "api_key.narrowed": "left the API key {target} ({prefix}…) with less, by a change of role or policy",
    "webhook.added": "added the webhook endpoint {target}, for {wants}",
    "webhook.changed": "set the webhook endpoint {target} for {wants}{moved}",
    "webhook.switched_on": "switched the webhook endpoint {target} on",
    "webhook.switched_off": "switched the webhook endpoint {target} off",
    "webhook.secret_renewed": "made a new secret for the webhook endpoint {target}",
    "webhook.removed": "removed the webhook endpoint {target}",
    "webhook.failed": "switched the webhook endpoint {target} off: {because}",
    "alerts.changed": "set alerts at {to} credits and {forecast_days} days ahead; it was {from}",
    "budget.created": "set the budget {target}: {limit} credits a {per}",
    "budget.changed": "changed the budget {target} to {limit} credits a {per}",
    "budget.raised": "raised the budget {target} by {by} credits, {lasts}",
    "budget.removed": "removed the budget {target}",
    "budget.more_asked": "asked for {amount} more credits in the budget {target}",
    "budget.more_approved": "approved {amount} more credits in the budget {target} for {asked by}",
    "budget.more_declined": "declined {amount} more credits in the budget {target} for {asked by}",
    "pause.set": "paused AI use of {target}: {because}",
    "pause.lifted": "resumed AI use of {target}",
    "guard.switched_on": "switched the runaway guard on",
    "guard.switched_off": "switched the runaway guard off",
    "quality.changed": "set the quality of {target} to {to}, {who}; it was {from}",
    "guidelines.changed": "changed the guidelines for the team",
    "guidelines.removed": "removed the guidelines for the team",
    "retention.changed": "set that what nobody accepted is kept {to}; it was {from}",
    "content.expired": "removed drafts and requirements that nobody accepted within {days} (rows: {rows})",
    "content.erasure_asked": "asked for the erasure of {target}",
    "content.erased": "erased {target} (rows: {rows}); figures stayed",
    "export.asked": "asked for all content as one file",
    "export.downloaded": "downloaded the file with all content",
    "ai.switched_on": "switched AI on and acknowledged the privacy advice of {advice}",
    "ai.switched_off": "switched AI off",
    "credits.granted": "granted {credits} credits{in_brackets}",
    "credits.adjusted": "corrected the balance by {credits} credits{in_brackets}",
    "purchase.paid": "bought the {target} bundle: {credits} credits for {price}",
    "purchase.reversed": "brought what was taken back of the {target} bundle from {before} to {taken back} credits",
    "purchase.roles_changed": "let {to} buy credits; it was {from}",
    "purchase.buyer_changed": "changed what receipts say of the buyer",
    "refund.counted": "counted {amount} of what was paid for the {target} bundle as gone back{in_brackets}",
    "refund.asked": "gave {amount} of the {target} bundle back{in_brackets}",
    "overage.allowed": "allowed use beyond the balance up to {cap} a month; it was {before}",
    "overage.switched_off": "switched use beyond the balance off; it was up to {before} a month",
    "overage.billed": "billed {price} for {credits} credits used beyond the balance",
    "overage.let_go": "let {price} for {credits} credits used beyond the balance go: too little to collect",
    "overage.paid": "received {price} for credits used beyond the balance",
    "overage.reopened": "saw {price} for extra credits go back, and switched use beyond the balance off",
    "overage.counted": "counted {amount} of what was paid for extra credits as gone back{in_brackets}",
    "overage.one_of_two": "saw one of two payments of {price} for extra credits go back: the bill is paid by the other",
    "overage.stays": "saw {price} for extra credits stay after all: the bill is paid",
    "overage.unpaid": "switched use beyond the balance off: the bill of {price} was not paid in time",
    "overage.waived": "waived the bill of {price} for extra credits{in_brackets}",
    "debt.covered": "covered {credits} credits that were owed from the balance; {left} are left",
    "credits.written_off": "forgave {credits} credits that were owed{in_brackets}",
    "mfa.enabled": "turned on two-step sign-in with {method}",
    "mfa.disabled": "turned off two-step sign-in with {method}",
    "mfa.codes_renewed": "made new recovery codes for two-step sign-in",
    "mfa.code_used": "signed in with a recovery code",
    "password.changed": "changed their password",
    "password.reset": "set a new password through e-mail",
    "email.changed": "changed their sign-in address from {from} to {to}",
    "sso.connected": "connected single sign-on with {provider}",
    "sso.disconnected": "disconnected single sign-on with {provider}",
}

_SET_ASIDE = "set aside what is left of the {target} bundle: its payment is disputed"
_UNCLEAR = "set aside what is left of the {target} bundle: money for it went back in another currency"
_OVER = "saw the dispute over the {target} bundle end: nothing of it is set aside any more"

_FEATURES = {
    "test_generation": "generated test cases",
    "chat": "asked the chat assistant",
    "report": "made an AI report",
}


_NOBODY: Mapping[str, str] = {}


class _Facts(dict[str, str]):
    """What a sentence does not know, it leaves out."""

    def __missing__(self, key: str) -> str:
        return ""


def actor_name(record: Record) -> str:
    """Who did it, as a sentence begins."""
    return f"API key {record.actor_name}" if record.actor_kind == "api_key" else record.actor_name


def change_sentence(record: Record, named: Mapping[str, str] = _NOBODY) -> str:
    """What the actor did: "changed Ben's role from member to admin". A sentence goes on from the actor's name.
    `named`: names of people by the reference that a pause keeps of them."""
    template = _template(record)
    if template is None:
        return _plainly(record.action, record.target, record.details)
    reason = record.details.get("reason", "")
    brackets = f" ({reason})" if reason else ""
    return template.format_map(
        _Facts(record.details, target=_target(record, named), project=record.project, in_brackets=brackets)
    )


def _template(record: Record) -> str | None:
    """A dispute opened or over that takes no credits away only sets aside what is left, or lets it go."""
    details = record.details
    if record.action == "purchase.reversed" and details.get("before") == details.get("taken back"):
        return {"yes": _SET_ASIDE, "in another currency": _UNCLEAR}.get(details.get("disputed", ""), _OVER)
    return _CHANGES.get(record.action)


def _target(record: Record, named: Mapping[str, str]) -> str:
    if not record.action.startswith("pause."):
        return record.target
    return use_case_name(record.use_case) if record.use_case else named.get(record.target, record.target)


def usage_sentence(row: UsageRow) -> str:
    """What somebody did with AI: "generated test cases"."""
    return _FEATURES.get(row.use_case) or f"used {use_case_name(row.use_case)}"


def has_sentence(action: str) -> bool:
    """Whether an action has words of its own."""
    return action in _CHANGES


def _plainly(action: str, target: str, details: Mapping[str, str]) -> str:
    """An action without words of its own, from the action's: "budget.raised" → "raised budget Ben: limit 5"."""
    noun, _, verb = action.replace("_", " ").partition(".")
    facts = ", ".join(f"{name.replace('_', ' ')} {text}" for name, text in details.items())
    return " ".join(filter(None, (verb, noun, target))) + (f": {facts}" if facts else "")
