"""E-mails as text and as plain HTML: the same sentences, one link, nothing loaded from anywhere."""

from dataclasses import dataclass
from html import escape

from testkase.foundation.links import page_of
from testkase.services.notifications.outbox import Letter
from testkase.services.notifications.words import BUY_PAGE


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A letter ready to be sent."""

    subject: str
    text: str
    html: str


def render(letter: Letter, public_url: str) -> Rendered:
    """The letter for its reader: those who may buy get the link to buy, the others are told whom to ask."""
    links = list(_links(letter, public_url))
    sentences = [letter.body] if letter.body else []
    if letter.leads_to_buying and not letter.may_buy:
        sentences.append("Ask your Owner to buy credits.")
    settings = _address(letter, public_url, "/notifications")
    foot = f"You get this as {letter.role.capitalize()} of {letter.organization}."
    text = "\n\n".join([
        f"Hello {letter.name},", letter.title + ".", *sentences, *(f"{label}:\n{url}" for label, url in links),
        f"{foot} All notifications: {settings}", "TestKase",
    ])  # fmt: skip
    return Rendered(
        subject=" ".join(f"{letter.title} · {letter.organization}".split()),
        text=text + "\n",
        html=_html(letter, sentences, links, foot, settings),
    )


def _links(letter: Letter, public_url: str) -> list[tuple[str, str]]:
    if letter.leads_to_buying and letter.may_buy:
        return [("Buy credits", _address(letter, public_url, BUY_PAGE))]
    return [(letter.link_label, _address(letter, public_url, letter.link))] if letter.link else []


def _address(letter: Letter, public_url: str, page: str) -> str:
    """It says whose page is meant to whoever may be at work in another organization when they read the letter."""
    if not letter.is_elsewhere_too:
        return public_url + page
    return page_of(letter.org_id, public_url, page)


def _html(letter: Letter, sentences: list[str], links: list[tuple[str, str]], foot: str, settings: str) -> str:
    paragraphs = "".join(f"<p>{escape(sentence)}</p>" for sentence in sentences)
    buttons = "".join(
        f'<p><a href="{escape(url)}" style="display:inline-block;padding:10px 18px;border-radius:8px;'
        f'background:#2f54d6;color:#ffffff;text-decoration:none;font-weight:600">{escape(label)}</a></p>'
        for label, url in links
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"></head>'
        '<body style="margin:0;padding:24px;background:#f6f7f9;color:#151a23;font:16px/1.5 sans-serif">'
        '<div style="max-width:560px;margin:0 auto;padding:24px;background:#ffffff;border-radius:12px">'
        f"<p>Hello {escape(letter.name)},</p>"
        f'<h1 style="font-size:20px;line-height:1.3;margin:0 0 12px">{escape(letter.title)}</h1>'
        f"{paragraphs}{buttons}"
        f'<p style="color:#5a6577;font-size:13px">{escape(foot)} <a href="{escape(settings)}">All notifications</a></p>'
        "</div></body></html>"
    )
