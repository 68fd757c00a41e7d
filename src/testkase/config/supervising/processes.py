"""The environment of each process: what it needs, and nothing more."""

import os
from dataclasses import replace

from testkase.config.secrets_file import Secrets
from testkase.config.supervising.ports import free_port
from testkase.foundation.razorpay_account import RazorpayAccount
from testkase.foundation.settings import Settings

_DATABASE_VARIABLES = ("DATABASE_URL", "TESTKASE_APP_DATABASE_URL", "TESTKASE_SECRET_KEY")


def with_own_secrets(settings: Settings, secrets: Secrets) -> Settings:
    """The operator's secret key where one is given, ours otherwise; a port for the embedded model."""
    secret_key = settings.secret_key if os.environ.get("TESTKASE_SECRET_KEY") else secrets.secret_key
    return replace(settings, secret_key=secret_key, model_port=settings.model_port or free_port())


def environ_of_app(settings: Settings, app_url: str) -> dict[str, str]:
    """For the application and the worker: the database as the application role, never as its owner."""
    environ = {
        **os.environ,
        "TESTKASE_DATA": str(settings.data),
        "HOST": settings.host,
        "PORT": str(settings.port),
        "TESTKASE_PUBLIC_URL": settings.public_url,
        "TESTKASE_APP_DATABASE_URL": app_url,
        "TESTKASE_SECRET_KEY": settings.secret_key,
        "TESTKASE_MODEL_PORT": str(settings.model_port),
        "TESTKASE_MODEL_API_KEY": settings.model_api_key,
    }
    environ.pop("DATABASE_URL", None)
    return {**environ, **_payments(settings.razorpay)}


def environ_of_model(app: dict[str, str]) -> dict[str, str]:
    """For the embedded model: it needs no database and no secret of ours but its own key."""
    return {
        name: value
        for name, value in app.items()
        if name not in _DATABASE_VARIABLES and not name.startswith("RAZORPAY_")
    }


def _payments(account: RazorpayAccount | None) -> dict[str, str]:
    if account is None:
        return {}
    return {
        "RAZORPAY_KEY_ID": account.key_id,
        "RAZORPAY_KEY_SECRET": account.key_secret,
        "RAZORPAY_WEBHOOK_SECRET": account.webhook_secret,
        "RAZORPAY_WEBHOOK_SECRET_PREVIOUS": account.previous_webhook_secret or "",
        "RAZORPAY_API_URL": account.api_url,
        "RAZORPAY_CHECKOUT_JS": account.checkout_js,
    }
