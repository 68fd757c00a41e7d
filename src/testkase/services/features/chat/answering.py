"""Getting an answer: a large model looks things up round by round; for a small one, code looks them up first."""

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from testkase.services.features.chat.advice.asking import TEMPERATURES, small_request
from testkase.services.features.chat.advice.findings import Finding, finding_of
from testkase.services.features.chat.advice.judging import judge
from testkase.services.features.chat.progress import Reporter
from testkase.services.features.chat.prompting import (
    BESIDE_CALLS,
    MAX_CALLS,
    MAX_ROUNDS,
    Said,
    large_messages,
    large_request,
)
from testkase.services.features.chat.tools.calling import LOOK_UPS, Desk, told
from testkase.services.features.chat.tools.model import Found
from testkase.services.features.chat.tools.retrieval import wishes
from testkase.services.features.chat.tools.words import in_words
from testkase.services.inference import Answer, ModelEntry, ToolCall, ToolResult

if TYPE_CHECKING:
    from testkase.services.metering.interaction import Interaction

TOO_LONG = "…\n\nThe answer reached its greatest length. Ask for the rest."

REFUSED = "What the model wrote did not keep to what was found, so it is not shown."
NOTHING_TO_ADVISE = "There was nothing to ask the model about."


async def answer_large(
    entry: ModelEntry,
    project: str,
    history: Sequence[Said],
    question: str,
    *,
    desk: Desk,
    interaction: "Interaction",
    report: Reporter,
) -> None:
    """Rounds of look-ups, then the answer. Its last round may not look anything up, so there is always an end."""
    messages = large_messages(project, history, question)
    for number in range(MAX_ROUNDS + 1):
        last = number == MAX_ROUNDS
        answer = Answer()
        async for text in _streamed(large_request(messages, entry.max_output_tokens, last=last), answer, interaction):
            report.says(text)
        calls = answer.tool_calls[:MAX_CALLS]
        if not calls or last:
            cut = TOO_LONG if answer.text and answer.finish_reason == "length" else ""
            report.says((answer.text or answer.refusal) + cut)
            return
        report.says("")  # what was said beside the calls was no answer yet
        messages.append(_asked(answer, calls))
        messages += [await _looked_up(call, desk, report) for call in calls]


async def answer_small(team: int, question: str, *, desk: Desk, interaction: "Interaction", report: Reporter) -> str:
    """Rules choose what is looked up; code writes the figures; the model says one sentence about them, which is shown
    once it was judged fit to be. Answers why there is none, "" where there is one."""
    results = await _gathered(question, desk, report)
    finding = finding_of(results)
    if finding is None:
        return NOTHING_TO_ADVISE
    report.doing("Writing a sentence about it")
    for attempt in range(len(TEMPERATURES)):
        if sentence := await _sentence(small_request(team, finding, attempt), finding, interaction):
            report.says(sentence)
            return ""
    return REFUSED


async def _gathered(question: str, desk: Desk, report: Reporter) -> list[Found]:
    """What the question asks for, shown as soon as it is found."""
    parts, results = [], []
    for name, arguments in wishes(question):
        look_up = LOOK_UPS[name]
        report.doing(look_up.doing)
        found = await desk.read(look_up, **arguments)
        parts.append(in_words(found) if isinstance(found, Found) else found.error)
        report.found("\n\n".join(parts), found.sources if isinstance(found, Found) else ())
        if isinstance(found, Found):
            results.append(found)
    return results


async def _sentence(body: dict[str, Any], finding: Finding, interaction: "Interaction") -> str | None:
    """A sentence that may be shown. A call that brought none costs nothing, however it ended: nobody has seen of it."""
    sentence, answer = None, Answer()
    async with interaction.call(body, stream=True) as call:
        try:
            async for event in call.events():
                answer.take(event)
            sentence = judge(answer.text, finding)
        finally:
            if sentence is None:
                call.forgive()
    return sentence


async def _streamed(body: dict[str, Any], answer: Answer, interaction: "Interaction") -> AsyncIterator[str]:
    """The text as it grows."""
    async with interaction.call(body, stream=True) as call:
        async for event in call.events():
            if answer.take(event):
                yield answer.text


def _asked(answer: Answer, calls: Sequence[ToolCall]) -> dict[str, Any]:
    """The model's message with its calls, cut to what the hold was made for."""
    content = answer.text[:BESIDE_CALLS] or None
    return {"role": "assistant", "content": content, "tool_calls": [_kept(call) for call in calls]}


def _kept(call: ToolCall) -> dict[str, Any]:
    """A call as a field of the message; arguments longer than any tool takes are left out."""
    field = call.as_field()
    if len(call.arguments) > BESIDE_CALLS:
        field["function"]["arguments"] = "{}"
    field["function"]["name"] = call.name[:64]
    return field


async def _looked_up(call: ToolCall, desk: Desk, report: Reporter) -> dict[str, Any]:
    look_up = LOOK_UPS.get(call.name)
    report.doing(look_up.doing if look_up else "Looking something up")
    result = await desk.call(call)
    if isinstance(result, Found):
        report.found("", result.sources)
    return ToolResult(call_id=call.call_id, content=told(result)).as_message()
