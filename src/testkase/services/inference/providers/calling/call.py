"""One request to a provider and what it came to."""

from collections.abc import AsyncIterator, Mapping
from typing import Any, Self

import msgspec

from testkase.core.ledger.model import Measurement, Outcome
from testkase.core.ledger.terms import Tokens
from testkase.services.inference.bounds import input_token_bound, input_token_estimate, text_token_estimate
from testkase.services.inference.model import CallResult
from testkase.services.inference.problems import ProviderError, ProviderTimeout, StreamCut
from testkase.services.inference.providers.calling import failures
from testkase.services.inference.providers.calling.client import Endpoint, Response
from testkase.services.inference.providers.calling.connection import TransportError
from testkase.services.inference.providers.calling.dialect import Interpreter, Malformed, Outgoing, Reported
from testkase.services.inference.providers.calling.sse import EventReader, EventTooLarge
from testkase.services.inference.request import output_token_bound

MAX_ANSWER_BYTES = 32 * 1024 * 1024
"""A whole answer larger than this is no chat completion."""


class ChatCall:
    """`async with` it, then `read()` or iterate `events()`; `result()` afterwards says what it came to.

    Never sends the request twice. Raises ProviderError from `async with` when the provider refuses or fails before
    its answer begins, and StreamCut when the answer breaks off.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        outgoing: Outgoing,
        interpreter: Interpreter,
        body: Mapping[str, Any],
        *,
        context_window: int,
        stream: bool,
    ) -> None:
        """`body`: the prepared chat completion that `outgoing` was made of. `context_window`: of its model, in
        tokens."""
        self._endpoint = endpoint
        self._outgoing = outgoing
        self._interpreter = interpreter
        self._body = body
        self._context_window = context_window
        self._stream = stream
        self._heard = interpreter.heard
        self._choices = int(body.get("n") or 1)
        self._most_output = output_token_bound(body)
        self._input_estimate: int | None = None
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

    @property
    def has_output(self) -> bool:
        """Whether anything a reader could use has come: before that, another model may still answer instead."""
        return self._delivered_bytes + self._heard.refusal_bytes > 0

    @property
    def _delivered_bytes(self) -> int:
        """Of text. An answer in one piece is delivered as a whole or not at all."""
        return self._heard.text_bytes if self._stream or self._complete else 0

    async def __aenter__(self) -> Self:
        try:
            connection = await self._endpoint.connect()
            self._sent = True  # from here on the provider may have been asked, whatever happens to the answer
            self._response = await self._endpoint.send(self._outgoing, connection)
            if self._response.status != 200:
                raise await failures.from_response(self._endpoint, self._response)
        except TransportError as error:
            raise self._fail(failures.from_transport(self._endpoint.provider.name, error)) from error
        except BaseException as error:
            if isinstance(error, ProviderError):
                self._failure = error
            self._close()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        self._close()

    async def read(self) -> bytes:
        """The body of an answer that does not stream, as a chat completion."""
        body = bytearray()  # appended to in place: an answer in a hundred thousand pieces is not copied each time
        try:
            while piece := await self._piece():
                body += piece
                if len(body) > MAX_ANSWER_BYTES:
                    raise self._fail(ProviderError("The provider's answer is larger than 32 MiB."))
            completion = self._interpreter.whole(bytes(body))
        except (Malformed, *failures.UNREADABLE) as error:
            detail = f"The provider's answer is not a chat completion{_why(error)}."
            raise self._fail(ProviderError(detail, status=200)) from error
        except Reported as reported:
            raise self._fail(failures.from_event(self._endpoint, reported.error)) from None
        self._complete = self._heard.finished(1)
        if not self._complete:
            raise self._fail(ProviderError("The provider's answer has no choices.", status=200))
        return completion

    async def events(self) -> AsyncIterator[bytes]:
        """The payloads of the stream's events as chunks of a chat completion, `[DONE]` included. A usage event the
        caller did not ask for is read and kept back. Raises StreamCut when the stream ends before the answer has."""
        reader = EventReader()
        try:
            while piece := await self._piece():
                for payload in reader.feed(piece):
                    for chunk in self._interpreter.event(payload):
                        yield chunk
        except EventTooLarge as error:
            raise self._fail(StreamCut("The provider sent an event larger than 8 MiB.")) from error
        except Reported as reported:
            raise self._fail(self._broken(failures.from_event(self._endpoint, reported.error))) from None
        except (Malformed, *failures.UNREADABLE) as error:
            detail = f"The provider sent an event that cannot be understood{_why(error)}."
            raise self._fail(self._broken(ProviderError(detail, status=200))) from error
        self._complete = self._heard.finished(self._choices)
        if not self._complete:
            raise self._fail(self._cut("The provider ended the stream before the answer was finished."))
        for chunk in self._interpreter.ending():
            yield chunk

    def result(self) -> CallResult:
        """What the call came to. Ask once the block has been left."""
        heard = self._heard
        finished = self._complete or (self._stream and heard.finished(self._choices))
        flags = set(heard.flags)
        if isinstance(self._failure, ProviderTimeout):
            flags.add("provider_cost_unknown")
        if heard.tokens is not None and self._counted is None:
            flags.add("impossible_usage")
        tokens = self._tokens()
        if finished and heard.text_bytes and not tokens.output + tokens.reasoning:
            flags.add("contradictory_usage")  # there was an answer
        if tokens.output + tokens.reasoning > self._most_output:
            flags.add("over_limit")
        return CallResult(
            tokens=tokens,
            measurement=self._measurement(finished),
            outcome=self._outcome(finished),
            finished=finished,
            delivered_text_bytes=self._delivered_bytes,
            flags=tuple(sorted(flags)),
            upstream_id=heard.upstream_id,
        )

    def so_far(self) -> tuple[Tokens, Measurement]:
        """What is charged for a stream if nothing more of it comes; no tokens while it has said nothing. Cheap enough
        to be asked at every event."""
        if not self._heard.text_bytes:
            return Tokens(), "partial"
        return self._tokens(), self._measurement(self._heard.finished(self._choices))

    def _measurement(self, finished: bool) -> Measurement:
        exact = finished and self._counted is not None and self._heard.output_counted
        return "exact" if exact else ("estimated" if finished else "partial")

    async def _piece(self) -> bytes:
        """What has come of the body; nothing at its end."""
        if self._response is None:
            raise RuntimeError("the call has not been opened")
        try:
            return await self._response.piece()
        except TransportError as error:
            if self._heard.finished(self._choices):
                return b""  # everything was said; only the end of the stream is missing
            problem = failures.from_transport(self._endpoint.provider.name, error)
            raise self._fail(self._broken(problem)) from error

    def _broken(self, problem: ProviderError) -> ProviderError:
        """What went wrong while the answer came; once something was delivered, it is an answer that broke off."""
        return self._cut(problem.detail) if self._delivered_bytes else problem

    def _cut(self, detail: str) -> StreamCut:
        return StreamCut(detail, status=self.status)

    def _fail(self, problem: ProviderError) -> ProviderError:
        self._failure = problem
        return problem

    def _tokens(self) -> Tokens:
        """The provider's figures, running ones included; else an estimate of what was sent and delivered."""
        heard, counted = self._heard, self._counted
        if counted is not None and self._counts_all(counted):
            return counted
        delivered = heard.text_bytes + heard.refusal_bytes
        if not self._sent or (self._failure is not None and not delivered):
            return Tokens()
        output = min(text_token_estimate(delivered), self._most_output)
        if counted is not None and counted.input + counted.cached_input + counted.cache_write:
            return msgspec.structs.replace(counted, output=max(counted.output, output))
        if self._input_estimate is None:
            self._input_estimate = input_token_estimate(self._body)
        return Tokens(input=self._input_estimate, output=output)

    @property
    def _counted(self) -> Tokens | None:
        """The provider's figures, unless no such call can have come to them: neither its model holds so many tokens nor
        can the prompt be cut into as many. Such a figure is a fault, and had emptied a balance."""
        counted, window = self._heard.tokens, self._context_window
        if counted is None:
            return None
        prompt, answer = counted.input + counted.cached_input + counted.cache_write, counted.output + counted.reasoning
        if prompt > window and prompt > input_token_bound(self._body):
            return None
        return counted if answer <= max(window * self._choices, self._most_output) else None

    def _counts_all(self, counted: Tokens) -> bool:
        """Whether the figures are of prompt and answer. While an answer goes on, those without output are from before
        it: many servers send the prompt's first, or zeros."""
        if not self._heard.output_counted:
            return False
        return bool(counted.output + counted.reasoning) or self._heard.finished(self._choices)

    def _outcome(self, finished: bool) -> Outcome:
        heard = self._heard
        if heard.refused:
            return "refused"
        if finished:
            return "completed" if self._delivered_bytes else "failed"
        if self._failure is not None and not self._delivered_bytes:
            return "refused" if self._failure.refused else "failed"
        return "cancelled" if self._sent else "failed"

    def _close(self) -> None:
        if self._response is not None:
            self._response.close()


def _why(error: Exception) -> str:
    """What Malformed names is ours to tell; a decoder's sentence helps nobody."""
    return f": {error}" if isinstance(error, Malformed) else ""
