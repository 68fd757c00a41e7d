"""Django's settings: what the pages need (entrypoints/web/conf.py), where they run (foundation.settings), the rest."""

from urllib.parse import unquote, urlsplit

from testkase.config.databases import django_database
from testkase.config.identity_providers import identity_providers
from testkase.entrypoints.web.conf import ACCOUNT, WEB_APPS, WEB_MIDDLEWARE, WEB_TEMPLATES, cookies_over
from testkase.foundation.settings import Settings

VALUES = Settings.from_environ()
_PUBLIC = urlsplit(VALUES.public_url)
_HTTPS = _PUBLIC.scheme == "https"

SECRET_KEY = VALUES.secret_key
DEBUG = False
ALLOWED_HOSTS = sorted({_PUBLIC.hostname or "localhost", "localhost", "127.0.0.1", "[::1]"})
ROOT_URLCONF = "testkase.config.urls"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
APPEND_SLASH = False
LANGUAGE_CODE = "en"
USE_TZ = True
TIME_ZONE = "UTC"

INSTALLED_APPS = [
    *WEB_APPS,
    "testkase.schema",
    "django.contrib.admin",
    "procrastinate.contrib.django",
]
MIDDLEWARE = WEB_MIDDLEWARE
TEMPLATES = WEB_TEMPLATES

# The database: as the application role while serving; a second door as the owner only where migrations run.
DATABASES = {"default": django_database(VALUES.app_database_url, pool=True)}
if VALUES.owner_database_url:
    DATABASES["owner"] = django_database(VALUES.owner_database_url, pool=False)

# Attempts to sign in are counted there too: each process on its own would give as many again
CACHES = {"default": {"BACKEND": "testkase.entrypoints.web.sign_in.counting.SharedCounts"}}

# People and their browsers
globals().update(ACCOUNT)
globals().update(cookies_over(_HTTPS))
AUTH_USER_MODEL = "organizations.User"  # again by name, for the type checker
ACCOUNT_DEFAULT_HTTP_PROTOCOL = _PUBLIC.scheme
SOCIALACCOUNT_PROVIDERS = identity_providers(VALUES.identity_providers)
# Behind a proxy, the address people come from is the one that proxy has added; without one it is the connection's.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if _HTTPS else 0
CSRF_TRUSTED_ORIGINS = [VALUES.public_url]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _HTTPS else None
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
SECURE_CROSS_ORIGIN_OPENER_POLICY = "same-origin"
DATA_UPLOAD_MAX_MEMORY_SIZE = 1_000_000

# Files of the pages: served by the app itself, addressed by a hash of their content so that they can be cached
STATIC_URL = "/static/"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.InMemoryStorage"},
    "staticfiles": {"BACKEND": "testkase.config.static_files.VersionedStaticFiles"},
}
WHITENOISE_USE_FINDERS = True
WHITENOISE_AUTOREFRESH = False
WHITENOISE_MAX_AGE = 86_400
WHITENOISE_ALLOW_ALL_ORIGINS = False

# Mail: to the operator's server, or into the mailbox of a trial run
DEFAULT_FROM_EMAIL = f"TestKase <no-reply@{_PUBLIC.hostname or 'localhost'}>"
EMAIL_TIMEOUT = 10
if VALUES.email_url:
    _MAIL = urlsplit(VALUES.email_url)
    EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
    EMAIL_HOST = _MAIL.hostname or "localhost"
    EMAIL_PORT = _MAIL.port or (465 if _MAIL.scheme == "smtps" else 587)
    EMAIL_HOST_USER = unquote(_MAIL.username or "")
    EMAIL_HOST_PASSWORD = unquote(_MAIL.password or "")
    EMAIL_USE_SSL = _MAIL.scheme == "smtps"
    EMAIL_USE_TLS = _MAIL.scheme == "smtp" and EMAIL_HOST not in ("localhost", "127.0.0.1")
else:
    EMAIL_BACKEND = "testkase.services.organizations.mailbox.MailboxBackend"
    EMAIL_FILE_PATH = str(VALUES.data / "mail")

# Jobs live in the same database, so that they are deferred in the transaction that asks for them
PROCRASTINATE_AUTODISCOVER_MODULE_NAME = None
PROCRASTINATE_IMPORT_PATHS = [
    "testkase.entrypoints.worker.jobs",
    "testkase.entrypoints.worker.schedule",
    "testkase.entrypoints.worker.privacy",
    "testkase.entrypoints.worker.reports",
]

# Logging is configured by each process at its start (foundation.logging), before Django is
LOGGING_CONFIG = None
