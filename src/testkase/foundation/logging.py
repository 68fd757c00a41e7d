"""Structured logs, one JSON object a line, with secrets and people's content taken out where the line is written.

Redaction is the last step before rendering, so it covers every library that logs. Two nets, because either alone has
holes: fields are dropped by name (a prompt looks like any other text), and values by shape (a key hidden in a message).
"""

import logging
import re
import sys
from collections.abc import Mapping, MutableMapping, Sequence
from typing import Any

import structlog

REDACTED = "[redacted]"
_LONGEST_VALUE = 6_000
_KEPT_OF_BEGINNING = 1_500
_DEEPEST = 6

_SECRET_FIELD = re.compile(
    r"(?:^|[_\-.])(?:authorization|cookies?|set-cookie|password|passwd|secret|secrets|credentials?|api[_-]?key|token|"
    r"csrf|session[_-]?key|session[_-]?id|dsn|database[_-]?url|"
    r"prompt|prompts|messages|completion|content|contents|body|payload|answer|question|requirement|steps|input_text|"
    r"output_text|choices|tool_calls|arguments|args|kwargs|params|task_kwargs|call_string)$",
    re.IGNORECASE,
)
_SECRET_SHAPES = (
    (re.compile(r"\btk_(?:live|test)_[A-Za-z0-9_\-]+"), REDACTED),
    (re.compile(r"\b(?:sk|rk|pk|rzp_live|rzp_test)[_-][A-Za-z0-9_\-]{8,}"), REDACTED),
    (re.compile(r"\bwhsec[_-][A-Za-z0-9+/=_\-]{8,}"), REDACTED),  # of webhooks that go out: base64
    (re.compile(r"\b(Bearer|Basic)\s+[A-Za-z0-9._~+/=\-]+", re.IGNORECASE), rf"\1 {REDACTED}"),
    (re.compile(r"(://[^:/?#\s@]*:)[^@\s/]+@"), rf"\1{REDACTED}@"),
    (re.compile(r"\b(password|secret|token|api_?key)(['\"]?\s*[=:]\s*['\"]?)[^\s'\",;&)}]+", re.IGNORECASE),
     rf"\1\2{REDACTED}"),
    # Rows as PostgreSQL quotes them in its errors, with everything people wrote into them.
    (re.compile(r"(\bDETAIL:\s+).*?(?=\n(?:CONTEXT|HINT|STATEMENT|LOCATION):|\n\n|\Z)", re.DOTALL), rf"\1{REDACTED}"),
    # What stands at the end of these addresses lets its reader in; refusals are logged with the address.
    (re.compile(r"(/invitations/|/confirm-email/|/password/reset/key/)[^/\s\"'?]+"), rf"\1{REDACTED}"),
    # What people are told is theirs, and speaks of them; a traceback quotes it where something else broke meanwhile.
    (re.compile(r"^(testkase\.[\w.]*(?:problems|refusals)\.\w+: ).+$", re.MULTILINE), rf"\1{REDACTED}"),
    (re.compile(r"(?<![\w.+%-])[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"), REDACTED),
    (re.compile(r"\beyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*"), REDACTED),
)  # fmt: skip

_ANYBODYS = ("django.security.DisallowedHost",)
"""Faults of a request, told as faults of ours with a trace of kilobytes. Anybody can send thousands and push everything
else out of a log that is kept up to a size."""


def redact(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """A structlog processor: the event without anything that must not be written."""
    return {name: REDACTED if _SECRET_FIELD.search(name) else _clean(value, 0) for name, value in event.items()}


def _clean(value: object, depth: int) -> object:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str | bytes):
        return _clean_text(value if isinstance(value, str) else value.decode(errors="replace"))
    if depth >= _DEEPEST:
        return REDACTED
    if isinstance(value, Mapping):
        return {
            str(name): REDACTED if _SECRET_FIELD.search(str(name)) else _clean(item, depth + 1)
            for name, item in value.items()
        }
    if isinstance(value, Sequence | set | frozenset):
        return [_clean(item, depth + 1) for item in value]
    return _clean_text(str(value))


def _clean_text(text: str) -> str:
    for shape, replacement in _SECRET_SHAPES:
        text = shape.sub(replacement, text)
    if len(text) <= _LONGEST_VALUE:
        return text
    # The end of a traceback says what happened, its beginning where.
    return f"{text[:_KEPT_OF_BEGINNING]} … ({len(text)} characters) … {text[_KEPT_OF_BEGINNING - _LONGEST_VALUE :]}"


def configure(process: str, level: str = "INFO") -> None:
    """Send everything this process logs, ours and libraries', to standard error as redacted JSON lines."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=True,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.PositionalArgumentsFormatter()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                _named(process),
                structlog.processors.format_exc_info,
                redact,
                structlog.processors.JSONRenderer(ensure_ascii=False, default=str),
            ],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    # These tell of every request or job at INFO, with addresses and arguments in the text; templates tell at DEBUG of
    # every name they do not know, and with it all they do know: the person, their chat, the password they typed.
    for chatty in ("httpx", "httpcore", "procrastinate", "asyncio", "django.template"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, root.level))
    for name in _ANYBODYS:
        logging.getLogger(name).addFilter(_without_trace)


def _without_trace(record: logging.LogRecord) -> bool:
    """Only a warning: the trace is the same every time."""
    record.levelno, record.levelname = logging.WARNING, "WARNING"
    record.exc_info = record.exc_text = None
    return True


def _named(process: str) -> structlog.typing.Processor:
    def add(_logger: object, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
        event["process"] = process
        return event

    return add
