"""Refusals on pages: `{% said problem %}` tells why, `{% step problem.code %}` what the viewer can do next."""

from typing import Any

from django import template
from django.template import Context
from django.utils.html import conditional_escape, format_html
from django.utils.safestring import SafeString

from testkase.entrypoints.web.next_step import next_step, owed
from testkase.entrypoints.web.next_step import said as words_of
from testkase.foundation.problems import Problem

register = template.Library()


register.simple_tag(owed)


@register.simple_tag(takes_context=True)
def said(context: Context, problem: Problem) -> SafeString:
    """Why it was refused."""
    return SafeString(conditional_escape(words_of(problem, context["request"].viewer)))


@register.simple_tag(takes_context=True)
def step(context: Context, code: str, problem: Problem | None = None) -> SafeString:
    """The sentence with the next step, its link included; nothing for a refusal that has none."""
    facts: dict[str, Any] = problem.facts if problem else {}
    found = next_step(code, context["request"].viewer, budget_id=facts.get("budget_id", ""))
    if found is None:
        return SafeString("")
    if not found.href:
        return SafeString(conditional_escape(found.before))
    before = f"{found.before} " if found.before else ""
    return format_html('{}<a href="{}">{}</a>{}', before, found.href, found.link, found.after)
