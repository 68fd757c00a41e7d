"""One request to an OpenAI-compatible endpoint and what it came to."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Self

import msgspec

from testkase.core.ledger.model import Outcome
from testkase.core.ledger.terms import Tokens
from testkase.services.inference.bounds import input_token_estimate, text_token_estimate
from testkase.services.inference.model import CallResult
from testkase.services.inference.problems import ProviderError, ProviderTimeout, StreamCut
from testkase.services.inference.providers.openai_compatible import failures
from testkase.services.inference.providers.openai_compatible.client import Endpoint, Response, TransportError
from testkase.services.inference.providers.openai_compatible.reading import DECODER, UNREADABLE, Answer, Reading
from testkase.services.inference.providers.openai_compatible.sse import EventReader, EventTooLarge
from testkase.services.inference.request import output_token_bound

DONE = b"[DONE]"
MAX_ANSWER_BYTES = 32 * 1024 * 1024
"""A whole answer larger than this is no chat completion."""


class ChatCall:
    """`async with` it, then `read()` or iterate `events()`; `result()` afterwards says what it came to.

    Never sends the request twice. Raises ProviderError from `async with` when the provider refuses or fails before
    its answer begins, and StreamCut when the answer breaks off.
    """

    def __init__(self, endpoint: Endpoint, body: Mapping[str, Any], *, stream: bool, show_usage: bool) -> None:
        self._endpoint = endpoint
        self._body = body
        self._stream = stream
        self._show_usage = show_usage
        self._reading = Reading()
        self._choices = int(body.get("n") or 1)
        self._response: Response | None = None
        self._sent = False
        self._complete = False
        self._failure: ProviderError | None = None

    @property
    def status(self) -> int:
        """The provider's HTTP status; 0 before there is one."""
        return self._response.status if self._response is not None else 0

    @property
    def headers(self) -> Mapping[str, str]:
        """The provider's response headers."""
        return self._response.headers if self._response is not None else {}

    async def __aenter__(self) -> Self:
        content = msgspec.json.encode(self._body)
        self._sent = True
        try:
            self._response = await self._endpoint.send(content)
            if self._response.status != 200:
                raise await failures.from_response(self._endpoint.provider.name, self._response)
        except TransportError as error:
            raise self._fail(failures.from_transport(self._endpoint.provider.name, error)) from error
        except BaseException as error:
            if isinstance(error, ProviderError):
                self._failure = error
            await self._close()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._close()

    async def read(self) -> bytes:
        """The body of an answer that does not stream, unchanged."""
        body = b""
        try:
            async for piece in self._pieces():
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    raise self._fail(ProviderError("The provider's answer is larger than 32 MiB."))
            answer = DECODER.decode(body)
        except UNREADABLE as error:
            raise self._fail(ProviderError("The provider's answer is not a chat completion.", status=200)) from error
        if answer.error is not None and not answer.choices:
            raise self._fail(failures.from_event(self._endpoint.provider.name, answer.error))
        self._reading.take(answer)
        self._complete = bool(answer.choices)
        if not self._complete:
            raise self._fail(ProviderError("The provider's answer has no choices.", status=200))
        return body

    async def events(self) -> AsyncIterator[bytes]:
        """The payloads of the stream's events, unchanged, `[DONE]` included. The usage event the caller did not ask
        for is read and kept back. Raises StreamCut when the stream ends before the answer has."""
        reader = EventReader()
        try:
            async for piece in self._pieces():
                for payload in reader.feed(piece):
                    if self._read_event(payload):
                        yield payload
        except EventTooLarge as error:
            raise self._fail(StreamCut("The provider sent an event larger than 8 MiB.")) from error
        self._complete = self._reading.finished(self._choices)
        if not self._complete:
            raise self._fail(self._cut("The provider ended the stream before the answer was finished."))

    def result(self) -> CallResult:
        """What the call came to. Ask once the block has been left."""
        reading = self._reading
        finished = self._complete or (self._stream and reading.finished(self._choices))
        flags = set(reading.flags)
        if isinstance(self._failure, ProviderTimeout):
            flags.add("provider_cost_unknown")
        tokens = self._tokens(finished)
        if tokens.output + tokens.reasoning > output_token_bound(self._body):
            flags.add("over_limit")
        exact = finished and reading.tokens is not None
        return CallResult(
            tokens=tokens,
            measurement="exact" if exact else ("estimated" if finished else "partial"),
            outcome=self._outcome(finished),
            finished=finished,
            delivered_text_bytes=reading.text_bytes,
            flags=tuple(sorted(flags)),
            upstream_id=reading.upstream_id,
        )

    def _read_event(self, payload: bytes) -> bool:
        """Take note of an event; False when it is not for the caller."""
        if payload == DONE:
            return True
        try:
            event = DECODER.decode(payload)
        except UNREADABLE:
            return True  # not ours to judge: the caller gets what the provider said
        if event.error is not None:
            raise self._fail(self._cut_by(event))
        self._reading.take(event)
        return self._show_usage or event.usage is None or bool(event.choices)

    async def _pieces(self) -> AsyncIterator[bytes]:
        if self._response is None:
            raise RuntimeError("the call has not been opened")
        try:
            async for piece in self._response.pieces():
                yield piece
        except TransportError as error:
            if self._reading.finished(self._choices):
                return  # everything was said; only the end of the stream is missing
            problem = failures.from_transport(self._endpoint.provider.name, error)
            raise self._fail(self._cut(problem.detail) if self._reading.text_bytes else problem) from error

    def _cut_by(self, event: Answer) -> ProviderError:
        problem = failures.from_event(self._endpoint.provider.name, event.error)
        return self._cut(problem.detail) if self._reading.text_bytes else problem

    def _cut(self, detail: str) -> StreamCut:
        return StreamCut(detail, status=self.status)

    def _fail(self, problem: ProviderError) -> ProviderError:
        self._failure = problem
        return problem

    def _tokens(self, finished: bool) -> Tokens:
        """The provider's figures, running ones included; else an estimate of what was sent and delivered."""
        reading = self._reading
        if reading.tokens is not None:
            return reading.tokens
        delivered = reading.text_bytes + reading.refusal_bytes
        if not self._sent or (self._failure is not None and not delivered):
            return Tokens()
        output = min(text_token_estimate(delivered), output_token_bound(self._body))
        return Tokens(input=input_token_estimate(self._body), output=output)

    def _outcome(self, finished: bool) -> Outcome:
        reading = self._reading
        if reading.refused:
            return "refused"
        if finished:
            return "completed" if reading.text_bytes else "failed"
        if self._failure is not None and not reading.text_bytes:
            return "refused" if self._failure.refused else "failed"
        return "cancelled" if self._sent else "failed"

    async def _close(self) -> None:
        if self._response is not None:
            await self._response.close()
