"""One metered chat completion as an ASGI response: hold, call, pass the answer on, settle.

The client is watched while the model works. When it goes away the conversation is cancelled, and metering takes over:
the provider is read on within limits and the hold is settled by tasks that no disconnect reaches.
"""

import asyncio
import contextlib
from dataclasses import dataclass
from typing import Any

from litestar.response.base import ASGIResponse
from litestar.types import Receive, Scope, Send

from testkase.core.ledger.credits import format_credits
from testkase.core.ledger.model import Subject
from testkase.entrypoints.api.context import Context
from testkase.entrypoints.api.openai.errors import Shaped, shape
from testkase.entrypoints.api.openai.sending import ClientLeft, Headers, Sender
from testkase.entrypoints.api.refusals import as_problem
from testkase.entrypoints.api.reply import encode
from testkase.services.metering import Interaction, Settlement

SETTLE_WAIT_SECONDS = 5.0
"""How long an answer waits to be able to say its charge. The settlement itself waits for nobody."""

_DONE = b"[DONE]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked, by whom, and what for."""

    org_id: int
    subject: Subject
    model: str
    body: dict[str, Any]
    stream: bool
    hold_id: str | None
    """Named after the Idempotency-Key."""
    digest: bytes
    """Of the request's body: the same key with another body is another input."""


class Conversation(ASGIResponse):
    """Answers one chat completion, streamed or whole."""

    def __init__(self, context: Context, question: Question) -> None:
        self._context = context
        self._question = question

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Converse until the answer is complete or the client leaves."""
        talking = asyncio.current_task()
        assert talking is not None
        watch = asyncio.create_task(_until_disconnect(receive))
        watch.add_done_callback(lambda left: None if left.cancelled() else talking.cancel())
        try:
            await self._talk(Sender(send))
        except asyncio.CancelledError:
            if not watch.done():
                raise  # it is not the client who ends it
            talking.uncancel()
        finally:
            watch.cancel()

    async def _talk(self, sender: Sender) -> None:
        with contextlib.suppress(ClientLeft):
            try:
                await (self._stream(sender) if self._question.stream else self._whole(sender))
            except ClientLeft:
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller gets OpenAI's error shape
                await self._refuse(sender, shape(as_problem(error), self._context.settings.public_url))

    async def _open(self) -> tuple[Interaction, dict[str, Any], Any]:
        question, meter = self._question, self._context.meter
        body, bounds = meter.clamp(question.model, question.body)
        self._context.catalog.check(question.model, body)
        interaction = await meter.open(
            question.org_id,
            question.subject,
            model=question.model,
            input_tokens=bounds.input_tokens,
            output_tokens=bounds.output_tokens,
            hold_id=question.hold_id,
            asked=question.digest,
        )
        return interaction, body, bounds

    async def _whole(self, sender: Sender) -> None:
        interaction, body, bounds = await self._open()
        try:
            async with interaction.call(body, stream=False, bounds=bounds) as call:
                content = await call.read()
        except Exception as error:  # noqa: BLE001 - answered below, with the headers that name the hold
            settlement = await interaction.settled_within(SETTLE_WAIT_SECONDS)
            shaped = shape(as_problem(error), self._context.settings.public_url)
            await self._refuse(sender, shaped, _accounting(interaction, settlement))
            return
        finally:
            interaction.settle_soon()
        settlement = await interaction.settled_within(SETTLE_WAIT_SECONDS)
        await sender.whole(200, content, _accounting(interaction, settlement))

    async def _stream(self, sender: Sender) -> None:
        interaction, body, bounds = await self._open()
        try:
            async with interaction.call(body, stream=True, bounds=bounds) as call:
                await sender.begin({"x-testkase-hold": interaction.hold.hold_id})
                async for event in call.events():
                    if event != _DONE:
                        await sender.event(event)
        except ClientLeft:
            raise
        except Exception as error:  # noqa: BLE001 - answered below, once it is known what the call came to
            settlement = await interaction.settled_within(SETTLE_WAIT_SECONDS)
            shaped = shape(as_problem(error), self._context.settings.public_url)
            await self._refuse(sender, shaped, _accounting(interaction, settlement))
            return
        finally:
            interaction.settle_soon()
        settlement = await interaction.settled_within(SETTLE_WAIT_SECONDS)
        await sender.end(_accounting(interaction, settlement), done=True)

    async def _refuse(self, sender: Sender, shaped: Shaped, accounting: Headers | None = None) -> None:
        """Before the first byte an error has a status; after it, it is the stream's last event."""
        if not sender.begun:
            await sender.shaped(shaped, accounting or {})
            return
        await sender.event(encode({"error": shaped.error}))
        await sender.end(accounting or {}, done=False)


def _accounting(interaction: Interaction, settlement: Settlement | None) -> Headers:
    """What the call came to, as headers or as the closing comment of a stream."""
    told = {"x-testkase-hold": interaction.hold.hold_id}
    if settlement is not None:
        told["x-testkase-charged"] = format_credits(settlement.charged)
        if settlement.receipt is not None:
            told["x-testkase-receipt"] = str(settlement.receipt)
        if settlement.balance is not None:
            told["x-testkase-balance"] = format_credits(settlement.balance)
    return told


async def _until_disconnect(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
