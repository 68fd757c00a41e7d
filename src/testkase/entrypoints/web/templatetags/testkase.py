"""How amounts, times and names are written on pages."""

from datetime import UTC, datetime
from html import escape

from django import template
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString

from testkase.core.ledger.credits import grouped_credits, whole_credits
from testkase.core.pricing.money import money as written_money
from testkase.entrypoints.web.billing.validity import expire_words
from testkase.entrypoints.web.icons import ICONS
from testkase.services.features.names import use_case_name

register = template.Library()

_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"), ("iPad", "iPad"), ("Android", "Android"), ("Windows", "Windows"), ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
)  # fmt: skip


@register.filter
def credits(microcredits: int) -> str:
    """1240000 → "1.24"; thousands are set apart."""
    return grouped_credits(microcredits)


register.filter(whole_credits)


@register.filter
def credit_or_credits(microcredits: int) -> str:
    """The word behind an amount. `pluralize` takes "1,000" for no number, and says "1,000 credit"."""
    return "credit" if microcredits == 1_000_000 else "credits"


@register.filter
def per_million(microcredits: int) -> str:
    """A rate in credits per million tokens: 1500000000 → "1,500", 18750000 → "18.75"."""
    return whole_credits(microcredits)


@register.filter
def dollars(cents: int) -> str:
    """5000 → "$50", 40 → "$0.40"."""
    return f"${cents // 100:,}" if cents % 100 == 0 else f"${cents // 100:,}.{cents % 100:02d}"


@register.filter
def plain_dollars(cents: int) -> str:
    """5000 → "50", 2050 → "20.50": as a form takes it back."""
    return dollars(cents).removeprefix("$").replace(",", "")


@register.filter
def money(amount: int, currency: str) -> str:
    """5000 in "USD" → "$50.00": what was paid is written out."""
    return written_money(amount, currency)


@register.filter
def expire(expires_at: int, time_zone: str) -> str:
    """ "expire on 30 Nov, in 8 days", of an instant in microseconds: a sentence goes on from the credits."""
    return expire_words(expires_at, time_zone, datetime.now(UTC))


@register.filter
def expires(expires_at: int, time_zone: str) -> str:
    """The same of one thing: "expires on 30 Nov, in 8 days"."""
    return expire(expires_at, time_zone).replace("expire ", "expires ", 1)


@register.filter
def seconds(instant: int) -> int:
    """Seconds since 1970, as providers count, in the microseconds that `moment` takes."""
    return instant * 1_000_000


@register.filter
def signed_credits(microcredits: int) -> str:
    """What a movement adds to a balance: "+ 1.24", "− 1.24", "0.00"."""
    text = credits(abs(microcredits))
    return f"{'−' if microcredits < 0 else '+'}\u00a0{text}" if microcredits else text


@register.filter
def use_case(slug: str) -> str:
    """The name people know a feature by; another program's slug is made readable."""
    return use_case_name(slug)


@register.filter
def moment(value: datetime | int) -> SafeString:
    """A `<time>` in the viewer's zone. Accepts a datetime or the ledger's microseconds since 1970."""
    return _time(value, "%-d %b %Y, %H:%M")


@register.filter
def moment_in(value: datetime | int, zone: str) -> SafeString:
    """A `<time>` in the zone named, as a document has it."""
    with timezone.override(zone):
        return _time(value, "%-d %B %Y, %H:%M")


@register.filter
def day(value: datetime | int) -> SafeString:
    """The same, the date only."""
    return _time(value, "%-d %B %Y")


@register.filter
def short_day(value: datetime | int) -> SafeString:
    """The date as tables write it."""
    return _time(value, "%-d %b %Y")


@register.filter
def day_in(value: datetime | int, zone: str) -> SafeString:
    """The date where an organization is billed, which letters and statements name: elsewhere a month that begins on the
    1st would begin on the 31st."""
    with timezone.override(zone):
        return day(value)


@register.filter
def short_day_in(value: datetime | int, zone: str) -> SafeString:
    """The same as tables write it."""
    with timezone.override(zone):
        return short_day(value)


@register.filter
def last_day_in(end: int, zone: str) -> SafeString:
    """The last day of what ends at an instant: a billing month that ends at midnight does not have the day that begins
    then, which is the next one's."""
    return short_day_in(end - 1, zone)


@register.filter
def thousands(count: int) -> str:
    """12345 → "12,345"."""
    return f"{count:,}"


@register.filter
def lot_name(source: str) -> str:
    """What people call a lot of credits, by where it came from."""
    return {"allowance": "Monthly allowance", "purchase": "Purchase"}.get(source, source.capitalize())


@register.filter
def words(slug: str) -> str:
    """ "project_admin" → "Project admin"."""
    return slug.replace("_", " ").capitalize()


@register.filter
def at(found: dict[int, str], key: int) -> str:
    """What a mapping has at a key; nothing where it has none."""
    return found.get(key, "")


@register.filter
def is_link(text: str) -> bool:
    """Whether a text people wrote is an address a page may lead to."""
    return text.startswith(("https://", "http://")) and " " not in text


@register.filter
def duration(milliseconds: int) -> str:
    """850 → "0.85 s", 90000 → "1:30", 3725000 → "1:02:05"."""
    if milliseconds < 60_000:
        return f"{milliseconds / 1_000:.2f}".rstrip("0").rstrip(".") + " s"
    minutes, seconds = divmod(milliseconds // 1_000, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


@register.filter
def icon(name: str) -> SafeString:
    """The drawing of an icon. One that there is not is a mistake in a template."""
    return SafeString(ICONS[name])


@register.filter
def passkeys_work(request: HttpRequest) -> bool:
    """Whether browsers let this address use passkeys: over https or on localhost, and never under a bare IP number."""
    host = request.get_host().partition(":")[0]
    return host == "localhost" or (request.is_secure() and not host.replace(".", "").isdigit() and "[" not in host)


@register.filter
def browser(user_agent: str) -> str:
    """A browser and its system in two words: "Firefox on Linux". What is not known is shown as it calls itself."""
    named = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return f"{named} on {system}" if named and system else named or user_agent[:40] or "Unknown browser"


@register.filter
def initials(name: str) -> str:
    """Two letters for the round badge beside a name."""
    parts = name.split()
    return "".join(part[0] for part in (parts[:1] + parts[-1:] if len(parts) > 1 else parts)).upper()


def _time(value: datetime | int, pattern: str) -> SafeString:
    instant = value if isinstance(value, datetime) else datetime.fromtimestamp(value // 1_000_000, UTC)
    local = timezone.localtime(instant)
    exact, zone = local.strftime("%A, %-d %B %Y, %H:%M:%S"), escape(local.tzname() or "UTC")
    utc = instant.astimezone(UTC).isoformat(timespec="seconds")
    return SafeString(f'<time datetime="{utc}" title="{exact} {zone}">{local.strftime(pattern)}</time>')
