"""An answer as HTML: a small safe subset of Markdown, everything else is text.

Paragraphs, lists, fenced code, `code` and **bold**. No HTML of anybody's, no images, and no link but to the pages of
what the answer was found in: a test case's key becomes one when a look-up returned that key. An address that a model
writes is never a link, so nothing can be sent anywhere by having somebody click (or a browser load) it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from html import escape

_FENCE = "```"
_ITEM = re.compile(r"\s{0,6}(?:[-*•]|(\d{1,3})[.)])\s+(.*)")
_HEADING = re.compile(r"#{1,6}\s+")
_LINK = re.compile(r"!?\[([^\[\]]{0,300})\]\(([^()\s]{0,500})\)")
_PARTS = re.compile(r"`([^`\n]{1,400})`|\*\*([^*\n]{1,400})\*\*|\b([A-Z][A-Z0-9]{1,9}-\d{1,9})\b")

Links = Mapping[str, str]
"""Addresses by test case key."""


def render(text: str, links: Links) -> str:
    """Safe HTML of a text nobody checked. `links`: the only addresses there will be."""
    return "".join(_blocks(text, links))


def _blocks(text: str, links: Links) -> Iterator[str]:
    lines: list[str] = []
    code: list[str] | None = None
    for line in text.replace("\r", "").split("\n"):
        if line.strip().startswith(_FENCE):
            if code is None:
                yield from _flow(lines, links)
                lines, code = [], []
            else:
                yield _code(code)
                code = None
        elif code is not None:
            code.append(line)
        elif line.strip():
            lines.append(line)
        else:
            yield from _flow(lines, links)
            lines = []
    yield from _flow(lines, links)
    if code is not None:  # an answer that is still being written
        yield _code(code)


def _flow(lines: list[str], links: Links) -> Iterator[str]:
    """Lines without an empty one between them: paragraphs and lists."""
    words: list[str] = []
    items: list[str] = []
    tag, first = "ul", 1
    for line in lines:
        item = _ITEM.fullmatch(line)
        if item is None and not items:
            words.append(_inline(_HEADING.sub("", line.strip()), links))
        elif item is None:
            items[-1] += " " + _inline(line.strip(), links)
        else:
            kind = "ol" if item[1] else "ul"
            if items and kind != tag:
                yield _list(tag, items, first)
                items = []
            if not items:
                first = int(item[1] or 1)
            yield from _paragraph(words)
            words, tag = [], kind
            items.append(_inline(item[2], links))
    yield from _paragraph(words)
    if items:
        yield _list(tag, items, first)


def _paragraph(words: list[str]) -> Iterator[str]:
    if words:
        yield f"<p>{'<br>'.join(words)}</p>"


def _list(tag: str, items: list[str], first: int) -> str:
    """An empty line, code or other points between numbered ones end a list; the next one goes on with its number."""
    start = f' start="{first}"' if first != 1 else ""
    return f"<{tag}{start}>{''.join(f'<li>{item}</li>' for item in items)}</{tag}>"


def _code(lines: list[str]) -> str:
    return f"<pre><code>{escape(chr(10).join(lines))}</code></pre>"


def _inline(text: str, links: Links) -> str:
    """What stands between the marks is escaped piece by piece; the marks themselves are ours."""
    text = _LINK.sub(r"\1", text)  # of a link only its words are left
    pieces, at = [], 0
    for part in _PARTS.finditer(text):
        pieces.append(escape(text[at : part.start()]))
        pieces.append(_marked(part, links))
        at = part.end()
    return "".join([*pieces, escape(text[at:])])


def _marked(part: re.Match[str], links: Links) -> str:
    code, bold = part[1], part[2]
    if code is not None:
        return f"<code>{escape(code)}</code>"
    if bold is not None:
        return f"<strong>{_KEYS.sub(_linked(links), escape(bold))}</strong>"
    return _linked(links)(part)


_KEYS = re.compile(r"\b([A-Z][A-Z0-9]{1,9}-\d{1,9})\b")


def _linked(links: Links) -> Callable[[re.Match[str]], str]:
    def link(found: re.Match[str]) -> str:
        key = found[0]
        return f'<a href="{escape(links[key])}">{key}</a>' if key in links else escape(key)

    return link
