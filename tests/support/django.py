"""Django inside the test process: set up once, pointed at one test's database after another."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

import django
from django.apps import apps
from django.conf import settings
from django.core.cache import cache
from django.db import connections
from django.test.utils import setup_test_environment

from testkase.config.databases import django_database
from tests.support.cluster import TestDatabase


@contextmanager
def django_on(database: TestDatabase) -> Iterator[None]:
    """Connections made meanwhile, in any thread, lead to this database."""
    _set_up()
    default = connections["default"]
    default.close()
    connections.settings["default"].update(django_database(database.app_url, pool=False))
    cache.clear()
    try:
        yield
    finally:
        default.close()


def _set_up() -> None:
    """Once a session. Passwords are hashed cheaply, and rate limits are off: tests sign in often."""
    if apps.ready:
        return
    os.environ["DJANGO_SETTINGS_MODULE"] = "testkase.config.settings"
    with patch.dict(os.environ, {"TESTKASE_DATA": tempfile.gettempdir()}):
        django.setup()
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.ACCOUNT_RATE_LIMITS = False
    setup_test_environment(debug=False)
