"""A small OpenID Connect provider on loopback: discovery, keys, code for token with PKCE, and whatever lie is wanted.

The test plays the browser: it takes the address the product sends people to, and calls `allow` for somebody to agree.
"""

import base64
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import ec

from testkase.foundation.ids import new_id

CLIENT_ID, CLIENT_SECRET, KEY_ID = "testkase", "a secret of the tests", "key-1"


@dataclass
class IdentityProvider:
    """The provider. `claims` are what it says of whoever signs in; `forge` may spoil the ID token."""

    url: str
    claims: dict[str, Any]
    key: Any = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))
    forge: Callable[["IdentityProvider", dict[str, Any]], str] | None = None
    userinfo: dict[str, Any] | None = None
    config: dict[str, Any] = field(default_factory=dict)
    """Overrides of what is published."""
    codes: dict[str, dict[str, str]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def allow(self, address: str) -> str:
        """Somebody agrees at the address the product sent them to; answers the query they come back with."""
        asked = dict(parse_qsl(urlsplit(address).query))
        assert asked["response_type"] == "code"
        assert asked["code_challenge_method"] == "S256"
        code = new_id("code")
        self.codes[code] = asked
        return f"?code={code}&state={asked['state']}"

    def sign(self, claims: dict[str, Any], key: Any = None) -> str:
        """An ID token over these claims."""
        return jwt.encode(claims, key or self.key, algorithm="ES256", headers={"kid": KEY_ID})

    def id_token(self, asked: dict[str, str]) -> str:
        """What it says of whoever signed in, in answer to one request."""
        now = int(time.time())
        claims = {"iss": self.url, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": asked.get("nonce")}
        claims |= self.claims
        return self.forge(self, claims) if self.forge else self.sign(claims)

    def published(self) -> dict[str, Any]:
        endpoints = {f"{name}_endpoint": f"{self.url}/{name}" for name in ("authorization", "token", "userinfo")}
        return {"issuer": self.url, "jwks_uri": f"{self.url}/keys", **endpoints, **self.config}

    def keys(self) -> dict[str, Any]:
        algorithms: Any = jwt.algorithms
        public = json.loads(algorithms.ECAlgorithm.to_jwk(self.key.public_key()))
        return {"keys": [{**public, "kid": KEY_ID, "alg": "ES256", "use": "sig"}]}

    def token(self, form: dict[str, str]) -> dict[str, Any] | None:
        """The token for a code, once, for whoever knows the verifier and the client's secret."""
        asked = self.codes.pop(form.get("code", ""), None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        proof = base64.urlsafe_b64encode(digest).decode().rstrip("=")
        if asked is None or proof != asked["code_challenge"] or form.get("client_secret") != CLIENT_SECRET:
            return None
        return {"access_token": "at", "token_type": "Bearer", "expires_in": 60, "id_token": self.id_token(asked)}


@contextmanager
def identity_provider(**claims: Any) -> Iterator[IdentityProvider]:
    """Running, with these claims of whoever signs in."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

        def do_GET(self) -> None:
            provider.asked.append(self.path)
            answers: dict[str, Callable[[], Any]] = {
                "/.well-known/openid-configuration": provider.published,
                "/keys": provider.keys,
                "/userinfo": lambda: provider.userinfo,
            }
            answer = answers.get(self.path)
            self._answer(answer() if answer is not None else None)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            self._answer(provider.token({name: values[0] for name, values in parse_qs(body).items()}))

        def _answer(self, answer: Any) -> None:
            body = json.dumps(answer).encode()
            self.send_response(200 if answer is not None else 400)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider = IdentityProvider(url=f"http://127.0.0.1:{server.server_port}", claims=claims)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
