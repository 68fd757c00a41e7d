"""The API as its own document describes it: operations, and whether an answer is what was promised."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import jsonschema_rs


@dataclass(frozen=True, slots=True)
class Operation:
    """One method of one address."""

    method: str
    path: str
    """With names in braces."""
    told: dict[str, Any]
    """What the document says of it."""

    @property
    def body(self) -> dict[str, Any] | None:
        """The schema of its JSON body."""
        content = self.told.get("requestBody", {}).get("content", {})
        found: dict[str, Any] | None = content.get("application/json", {}).get("schema")
        return found

    @property
    def example(self) -> Any:
        """Of its body."""
        return self.told["requestBody"]["content"]["application/json"].get("example")

    @property
    def takes_a_key(self) -> bool:
        """Whether it reads an Idempotency-Key."""
        return any(each["name"] == "Idempotency-Key" for each in self.told["parameters"])

    def parameters(self, place: str) -> list[dict[str, Any]]:
        """Those in the `path` or in the `query`."""
        return [each for each in self.told["parameters"] if each["in"] == place]


class Document:
    """The OpenAPI document."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self._validators: dict[str, Any] = {}

    @cached_property
    def operations(self) -> list[Operation]:
        """In the order of the document."""
        return list(self._all())

    def _all(self) -> Iterator[Operation]:
        for path, item in self.document["paths"].items():
            for method, told in item.items():
                yield Operation(method.upper(), path, told)

    def resolved(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema a reference leads to."""
        while "$ref" in schema:
            node: Any = self.document
            for part in schema["$ref"].removeprefix("#/").split("/"):
                node = node[part]
            schema = node
        return schema

    def promised(self, operation: Operation, status: int) -> dict[str, Any] | None:
        """What the document says of this status of the operation."""
        found = operation.told["responses"].get(str(status))
        return None if found is None else self.resolved(found)

    def wrong(self, response: dict[str, Any], content_type: str, answer: Any) -> str | None:
        """What is wrong with an answer, or None. Lists of content without a schema promise nothing."""
        media = response["content"].get(content_type)
        if media is None:
            return f"{content_type} is not one of {list(response['content'])}"
        return self.unlike(media["schema"], answer) if "schema" in media else None

    def unlike(self, schema: dict[str, Any], answer: Any) -> str | None:
        """How an answer differs from its schema, or None."""
        name = str(schema)
        if name not in self._validators:
            whole = {"components": self.document["components"], **schema}
            self._validators[name] = jsonschema_rs.validator_for(whole)
        error = next(iter(self._validators[name].iter_errors(answer)), None)
        return None if error is None else f"{error.message[:200]} at {list(error.instance_path)}"
