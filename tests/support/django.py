"""Django inside the test process: set up once, pointed at one test's database after another."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import django
from django.apps import apps
from django.conf import settings
from django.db import connections
from django.template.base import Template
from django.test.utils import setup_test_environment

from testkase.config.databases import django_database
from tests.support.cluster import TestDatabase


@contextmanager
def django_on(database: TestDatabase) -> Iterator[None]:
    """Connections made meanwhile, in any thread, lead to this database."""
    set_up()
    default = connections["default"]
    default.close()
    connections.settings["default"].update(django_database(database.app_url, pool=False))
    try:
        yield
    finally:
        default.close()


@contextmanager
def model_on_offer() -> Iterator[None]:
    """The embedded model is offered, as on a running installation. No page calls it."""
    from testkase.entrypoints.web import offer
    from testkase.foundation.settings import Settings

    with patch.object(settings, "VALUES", Settings.from_environ({"TESTKASE_MODEL_PORT": "9"})):
        offer.catalog.cache_clear()
        yield
    offer.catalog.cache_clear()


def set_up() -> None:
    """Once a session. Passwords are hashed cheaply, and rate limits are off: tests sign in often."""
    if apps.ready:
        return
    os.environ["DJANGO_SETTINGS_MODULE"] = "testkase.config.settings"
    with patch.dict(os.environ, {"TESTKASE_DATA": tempfile.gettempdir()}):
        django.setup()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.ACCOUNT_RATE_LIMITS = False
    render = vars(Template)["_render"]
    setup_test_environment(debug=False)
    # No test looks at the contexts of templates, which are copied for those that do.
    Template._render = render  # type: ignore[attr-defined]
    _share_middleware()


def _share_middleware() -> None:
    """All test clients of the process answer through one chain of middleware. Each would otherwise make its own at its
    first request, and look through all static files for it: more work than most requests."""
    from django.test.client import ClientHandler

    made = ClientHandler()
    made.load_middleware()
    chain = {name: value for name, value in vars(made).items() if name.endswith(("_middleware", "_chain"))}

    def load_middleware(self: object, is_async: bool = False) -> None:
        self.__dict__.update(chain)

    ClientHandler.load_middleware = load_middleware  # type: ignore[method-assign]
