"""People and programs at work, with a canary in everything they say, rightly or by mistake."""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from campaigns.canaries.installation import OTHER_MODEL, Installation
from campaigns.canaries.planted import Canary
from campaigns.canaries.searching import Written
from campaigns.fuzz.stock import Stock
from razorpay_simulator.signing import webhook_signature
from tests.support.programs import MODEL
from tests.support.tenants.roles import ADMIN, MEMBER, OWNER

TOKEN = "f" * 32
_CHATS = "/openai/v1/chat/completions"


@dataclass(slots=True)
class Driver:
    """One organization at work. What is answered is kept, to be searched for what nobody may be answered."""

    place: Installation
    stock: Stock
    canaries: dict[str, Canary]
    http: httpx.Client
    token: str
    """Of an open invitation."""
    answers: list[Written] = field(default_factory=list)
    requests: int = 0

    def work(self) -> None:
        """Everything once."""
        for step in (self._programs, self._strangers, self._people, self._accounts, self._payments):
            for request in step():
                try:
                    answer = request()
                except httpx.HTTPError:
                    continue  # the connection was cut: what was written of it is searched all the same
                finally:
                    self.requests += 1
                self.answers.append(Written("an answer", str(answer.headers).encode() + answer.content))

    def _of(self, kind: str) -> str:
        return self.canaries[kind].text

    def _programs(self) -> Iterator[Callable[[], httpx.Response]]:
        """The gateway with both providers, whole and streamed; holds; what cannot be read."""
        key = {"Authorization": f"Bearer {self.stock.key}"}
        for model in (MODEL, OTHER_MODEL) * 3:
            for stream in (False, True):
                yield self._post(_CHATS, key, self._call(model, stream))
        prompt = self._of("a prompt")
        for body in (
            f'{{"messages": "{prompt}',
            f'{{"model": ["{prompt}"]}}',
            f'{{"model": "{prompt}", "messages": []}}',
            f"\xff{prompt}",
        ):
            yield self._raw(_CHATS, key | {"Content-Type": "application/json"}, body.encode("latin-1"))
        yield self._raw(_CHATS, key | {"Content-Type": f"text/{prompt}"}, prompt.encode())
        holds: tuple[dict[str, Any], ...] = ({"id": [prompt]}, {prompt: prompt}, {"id": "x", "use_case": prompt * 9})
        for hold in holds:
            yield self._post("/api/v1/holds", key, hold)
        yield lambda: self.http.get(f"/api/v1/usage?cursor={prompt}&{prompt}=1", headers=key)
        name = f"hold-{self.requests}"
        yield self._post("/api/v1/holds", key, {"id": name, "use_case": "chat", "user": "ada", "credits": "1"})
        yield self._post(f"/api/v1/holds/{name}/settlement", key, {"credits": "0.5"})

    def _call(self, model: str, stream: bool) -> dict[str, Any]:
        content = [
            {"role": "system", "content": self._of("a prompt")},
            {"role": "user", "content": self._of("a prompt")},
        ]
        return {"model": model, "messages": content, "max_tokens": 20, "stream": stream}

    def _strangers(self) -> Iterator[Callable[[], httpx.Response]]:
        """Keys that are none, in every place where somebody may put one by mistake."""
        wrong, right = f"tk_live_{self._of('an API key that is none')}", self.stock.key
        for key in (wrong, right):
            for headers in (
                {"Authorization": key},
                {"Authorization": f"Basic {key}"},
                {"X-Api-Key": key},
                {"Cookie": f"sessionid={key}"},
            ):
                yield self._get("/api/v1/balance", headers)
                yield self._post(_CHATS, headers, {"model": MODEL})
            for path in (
                f"/api/v1/balance?api_key={key}",
                f"/api/v1/{key}",
                f"/openai/v1/{key}",
                f"/settings/{key}?token={key}",
                f"/webhooks/{key}",
            ):
                yield self._get(path, {})
        yield self._get("/api/v1/balance", {"Authorization": f"Bearer {wrong}"})
        yield self._get(f"/settings?sessionid={self.stock.cookies[OWNER]}", {})

    def _people(self) -> Iterator[Callable[[], httpx.Response]]:
        """Questions, requirements, guidelines, cases, a file; then the pages that show them."""
        project, question = "/projects/SHOP", self._of("a question")
        forms: list[tuple[str, dict[str, Any]]] = [
            (f"{project}/chat/questions", {"question": f"What of {question}?"}),
            (f"{project}/generate/estimate", {"requirement": self._of("a requirement"), "cases": "1"}),
            (f"{project}/generate", {"requirement": self._of("a requirement"), "cases": "1"}),
            (f"{project}/cases/new", self._case()),
            (f"{project}/cases/SHOP-1/edit", self._case()),
            (f"{project}/cases/SHOP-1/steps", {}),
            (f"{project}/reports/new", {"kinds": "flaky", "cycle": self.stock.tenant.ids["finished_cycle_id"]}),
            ("/settings/guidelines", {"text": self._of("guidelines")}),
            ("/settings/api-keys", {"name": "CI", "scopes": "credits:read"}),
            ("/settings/members", {"email": f"{self._of('a person')}@new.example", "role": "member"}),
            (f"/invitations/{self.token}", {}),
        ]
        for role in (OWNER, MEMBER):
            for path, form in forms:
                yield self._form(path, role, form)
                yield self._form(path, role, form, token="")
        yield self._form(
            f"{project}/imports", OWNER, {}, files={"file": ("x.xml", self._of("an imported file").encode())}
        )
        for path in (
            project,
            f"{project}/chat",
            f"{project}/generate",
            "/settings/activity",
            "/mailbox",
            "/notifications",
            "/settings/members",
        ):
            yield self._page(path, ADMIN)
        for path in (
            f"/invitations/{self.token}",
            f"/invitations/{self.token}x",
            f"/projects?q={self._of('what stands in a query')}",
        ):
            yield self._page(path, MEMBER)

    def _case(self) -> dict[str, str]:
        title = self._of("a test case")
        return {
            "title": title, "status": "ready", "priority": "low", "kind": "positive", "type": "smoke", "action": title,
            "expected": title,
        }  # fmt: skip

    def _accounts(self) -> Iterator[Callable[[], httpx.Response]]:
        """Signing up, in with a wrong and with the right password, changing it, forgetting it."""
        email = f"{self._of('a person')}{self.requests}@own.example"
        right, wrong = self._of("a password"), self._of("a wrong password")
        for path, form in (
            ("/accounts/signup/", {"email": email, "password1": right, "display_name": "Ada"}),
            ("/accounts/login/", {"login": email, "password": wrong}),
            ("/accounts/login/", {"login": email, "password": right}),
            ("/accounts/login/", {"login": wrong, "password": right}),
            ("/accounts/login/", {"password": right, "next": f"//{right}"}),
            ("/staff/login/", {"username": email, "password": wrong}),
            ("/accounts/password/reset/", {"email": email}),
            (f"/accounts/password/reset/key/1-{wrong}/", {"password1": right}),
        ):
            yield self._form(path, "", form)
        for path in ("/accounts/password/change/", "/accounts/reauthenticate/"):
            yield self._form(
                path, MEMBER, {"oldpassword": wrong, "password1": right, "password2": right, "password": wrong}
            )

    def _payments(self) -> Iterator[Callable[[], httpx.Response]]:
        """A purchase; reports with a card in them: signed, forged, broken."""
        yield self._form(
            "/settings/ai-credits/buy",
            OWNER,
            {"request_id": f"buy-{self.requests}", "bundle": "starter", "currency": "USD"},
        )
        secret, card = self._of("the webhook's secret"), self._of("a card's number")
        payment = {
            "id": "pay_Canary00000001",
            "entity": "payment",
            "amount": 100,
            "card": {"number": card},
            "notes": {"card": card, "n": self.requests},
        }
        body = json.dumps(
            {"entity": "event", "event": "payment.captured", "payload": {"payment": {"entity": payment}}}
        ).encode()
        good = webhook_signature(body, secret)
        for sent, signature in (
            (body, good),
            (body, "0" * 64),
            (body, secret),
            (body + b"}", webhook_signature(body + b"}", secret)),
        ):
            yield self._raw("/webhooks/razorpay", {"X-Razorpay-Signature": signature}, sent)
        yield self._get(f"/webhooks/razorpay?secret={secret}", {})

    def _get(self, path: str, headers: dict[str, str]) -> Callable[[], httpx.Response]:
        return lambda: self.http.get(path, headers=headers)

    def _post(self, path: str, headers: dict[str, str], body: dict[str, Any]) -> Callable[[], httpx.Response]:
        return lambda: self.http.post(path, json=body, headers=headers)

    def _raw(self, path: str, headers: dict[str, str], body: bytes) -> Callable[[], httpx.Response]:
        return lambda: self.http.post(path, content=body, headers=headers)

    def _page(self, path: str, role: str) -> Callable[[], httpx.Response]:
        return lambda: self.http.get(path, headers={"Cookie": self._cookies(role)})

    def _form(
        self, path: str, role: str, form: dict[str, Any], *, token: str = TOKEN, files: Any = None
    ) -> Callable[[], httpx.Response]:
        data = form | {"csrfmiddlewaretoken": token}
        return lambda: self.http.post(path, data=data, files=files, headers={"Cookie": self._cookies(role)})

    def _cookies(self, role: str) -> str:
        return f"csrftoken={TOKEN}" + (f"; sessionid={self.stock.cookies[role]}" if role else "")
