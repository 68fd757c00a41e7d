"""An answer as HTML: a small subset, everything else is text, and no link but to what was found."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from testkase.services.features.chat.markdown import render

LINKS = {"WEB-12": "/projects/WEB/cases/WEB-12"}
TAGS = re.compile(
    r"</?(?:p|ul|ol|li|pre|code|strong|br)>|<ol start=\"\d+\">|<a href=\"/projects/WEB/cases/WEB-12\">|</a>"
)


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("One.\n\nTwo\nlines.", "<p>One.</p><p>Two<br>lines.</p>"),
        ("Found:\n- one\n- two\n\nEnd.", "<p>Found:</p><ul><li>one</li><li>two</li></ul><p>End.</p>"),
        ("1. first\n2. second", "<ol><li>first</li><li>second</li></ol>"),
        ("1. one\n\n2. two", '<ol><li>one</li></ol><ol start="2"><li>two</li></ol>'),
        ("1. one\n- of it\n2. two", '<ol><li>one</li></ol><ul><li>of it</li></ul><ol start="2"><li>two</li></ol>'),
        ("- one\n1. first", "<ul><li>one</li></ul><ol><li>first</li></ol>"),
        ("- one\n  goes on", "<ul><li>one goes on</li></ul>"),
        ("# Heading", "<p>Heading</p>"),
        ("a **bold** `x < y`", "<p>a <strong>bold</strong> <code>x &lt; y</code></p>"),
        ("```\na **b**\n<i>\n```", "<pre><code>a **b**\n&lt;i&gt;</code></pre>"),
        ("```\nstill written", "<pre><code>still written</code></pre>"),
        ("See WEB-12.", '<p>See <a href="/projects/WEB/cases/WEB-12">WEB-12</a>.</p>'),
        ("**WEB-12**", '<p><strong><a href="/projects/WEB/cases/WEB-12">WEB-12</a></strong></p>'),
        ("`WEB-12` WEB-13", "<p><code>WEB-12</code> WEB-13</p>"),
        ("", ""),
    ],
)
def test_the_subset(text: str, html: str) -> None:
    assert render(text, LINKS) == html


@pytest.mark.parametrize(
    "text",
    [
        "[click](https://evil.example/?q=secret)",
        "![x](https://evil.example/pixel.png)",
        "[x](javascript:alert(1))",
        "[x](//evil.example)",
        "https://evil.example/a",
        "<https://evil.example>",
        '<img src="https://evil.example">',
        "<script>alert(1)</script>",
        '<a href="https://evil.example">x</a>',
        "[WEB-12](https://evil.example)",
        "[a]: https://evil.example\n[a]",
        "`<b>`**<i>**",
        "**[a](https://evil.example)**",
        "WEB-12\"onmouseover='x'",
    ],
)
def test_nothing_leads_elsewhere_and_nothing_is_markup(text: str) -> None:
    html = render(text, LINKS)
    left = TAGS.sub("", html)
    assert "<" not in left
    assert ">" not in left
    assert set(re.findall(r'(?:href|src)="([^"]*)"', html)) <= set(LINKS.values())


@given(st.text(alphabet=st.sampled_from("ab*`[]()!<>\"'&#-1.\n WEB-12:/"), max_size=80) | st.text(max_size=80))
def test_whatever_is_written_only_our_own_tags_come_out(text: str) -> None:
    left = TAGS.sub("", render(text, LINKS))
    assert "<" not in left
    assert ">" not in left


@pytest.mark.parametrize(
    "text", ["*" * 50_000, "[" * 50_000, "`" * 49_999, "- " * 20_000, "[a](" * 20_000, "**a" * 20_000]
)
def test_long_nonsense_is_rendered_in_no_time(text: str) -> None:
    assert len(render(text, LINKS)) <= 20 * len(text)
