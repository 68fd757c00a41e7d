"""Refusals in the shape of Razorpay's error object."""

from typing import Any


class Refusal(Exception):  # noqa: N818 - what happened, not a fault of the program
    """A request that is not granted; `body()` is what the caller reads."""

    def __init__(
        self,
        description: str,
        *,
        status: int = 400,
        code: str = "BAD_REQUEST_ERROR",
        field: str | None = None,
        source: str = "business",
        step: str = "payment_initiation",
        reason: str = "input_validation_failed",
        metadata: dict[str, Any] | None = None,
    ) -> None:
        super().__init__(description)
        self.status = status
        self.error: dict[str, Any] = {
            "code": code,
            "description": description,
            "source": source,
            "step": step,
            "reason": reason,
            "metadata": metadata or {},
        }
        if field is not None:
            self.error["field"] = field

    def body(self) -> dict[str, Any]:
        return {"error": self.error}


def unknown_id() -> Refusal:
    return Refusal("The id provided does not exist", source="NA", step="NA", reason="NA")


def unknown_url() -> Refusal:
    return Refusal("The requested URL was not found on the server.", source="NA", step="NA", reason="NA")


def not_authenticated(description: str = "Authentication failed") -> Refusal:
    return Refusal(description, status=401, source="NA", step="NA", reason="NA")
