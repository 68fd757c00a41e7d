"""The web's part of Django's settings, as plain values; `config/settings.py` adds where it runs."""

from typing import Any

WEB_APPS: list[str] = [
    # Before allauth, so that its templates are found here first.
    "testkase.entrypoints.web",
    "testkase.services.organizations",
    "testkase.services.workspace",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.postgres",
    "django.contrib.staticfiles",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.usersessions",
    "allauth.socialaccount",
    "testkase.entrypoints.web.sign_in.sso",
    "django_htmx",
]

WEB_MIDDLEWARE: list[str] = [
    "django.middleware.security.SecurityMiddleware",
    "testkase.entrypoints.web.middleware.ContentSecurityPolicy",
    "testkase.entrypoints.web.static_files.StaticFiles",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "testkase.entrypoints.web.sign_in.lasting.SessionsEnd",
    # Every page wants a signed-in person unless it says otherwise.
    "django.contrib.auth.middleware.LoginRequiredMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "django_htmx.middleware.HtmxMiddleware",
    "testkase.entrypoints.web.middleware.SignInAgain",
    "testkase.entrypoints.web.middleware.ViewerTimeZone",
    "testkase.entrypoints.web.middleware.FormsOnly",
    # Last: everything inside runs in one transaction that sees one organization's rows.
    "testkase.entrypoints.web.middleware.Tenant",
]

WEB_TEMPLATES: list[dict[str, Any]] = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "testkase.entrypoints.web.context.layout",
            ],
            "builtins": ["testkase.entrypoints.web.templatetags.testkase"],
        },
    }
]

ACCOUNT: dict[str, Any] = {
    "AUTH_USER_MODEL": "organizations.User",
    "AUTHENTICATION_BACKENDS": ["allauth.account.auth_backends.AuthenticationBackend"],
    "AUTH_PASSWORD_VALIDATORS": [
        {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
        {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 10}},
        {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
        {"NAME": "testkase.entrypoints.web.sign_in.passwords.NotTheProduct"},
    ],
    # A link out of a letter changes a password: it is good for an hour.
    "PASSWORD_RESET_TIMEOUT": 3_600,
    "LOGIN_URL": "account_login",
    "LOGIN_REDIRECT_URL": "home",
    "ACCOUNT_ADAPTER": "testkase.entrypoints.web.accounts.AccountAdapter",
    "ACCOUNT_FORMS": {
        "login": "testkase.entrypoints.web.accounts.LoginForm",
        "reset_password": "testkase.entrypoints.web.accounts.ResetPasswordForm",
        "signup": "testkase.entrypoints.web.accounts.SignupForm",
    },
    "ACCOUNT_USER_MODEL_USERNAME_FIELD": None,
    "ACCOUNT_LOGIN_METHODS": {"email"},
    "ACCOUNT_SIGNUP_FIELDS": ["email*", "password1*"],
    "ACCOUNT_EMAIL_VERIFICATION": "optional",
    "ACCOUNT_SESSION_REMEMBER": True,
    "ACCOUNT_LOGIN_ON_PASSWORD_RESET": True,
    "ACCOUNT_LOGOUT_REDIRECT_URL": "account_login",
    "ACCOUNT_EMAIL_SUBJECT_PREFIX": "",
    "ACCOUNT_EMAIL_NOTIFICATIONS": True,
    "ACCOUNT_REAUTHENTICATION_REQUIRED": True,
    "ACCOUNT_LOGOUT_ON_PASSWORD_CHANGE": False,
    "MFA_ADAPTER": "testkase.entrypoints.web.sign_in.mfa.MfaAdapter",
    "MFA_SUPPORTED_TYPES": ["totp", "webauthn", "recovery_codes"],
    "MFA_PASSKEY_LOGIN_ENABLED": True,
    "MFA_TOTP_ISSUER": "TestKase",
    # A phone's clock may be half a minute off.
    "MFA_TOTP_TOLERANCE": 1,
    "SOCIALACCOUNT_ADAPTER": "testkase.entrypoints.web.sign_in.sso.adapter.SsoAdapter",
    "SOCIALACCOUNT_FORMS": {"signup": "testkase.entrypoints.web.sign_in.sso.forms.SsoSignupForm"},
    "SOCIALACCOUNT_AUTO_SIGNUP": False,
    # An address never opens an account: see SsoAdapter.
    "SOCIALACCOUNT_EMAIL_AUTHENTICATION": False,
    "SOCIALACCOUNT_STORE_TOKENS": False,
    "SESSION_COOKIE_SAMESITE": "Lax",
    "CSRF_COOKIE_HTTPONLY": True,
    "CSRF_FAILURE_VIEW": "testkase.entrypoints.web.errors.csrf_failure",
    "MESSAGE_STORAGE": "django.contrib.messages.storage.session.SessionStorage",
    "X_FRAME_OPTIONS": "DENY",
}


def cookies_over(https: bool) -> dict[str, Any]:
    """Cookie settings: over https they carry the `__Host-` prefix, which ties them to this host alone."""
    if not https:
        return {}
    return {
        "SESSION_COOKIE_SECURE": True,
        "SESSION_COOKIE_NAME": "__Host-sessionid",
        "CSRF_COOKIE_SECURE": True,
        "CSRF_COOKIE_NAME": "__Host-csrftoken",
        "SECURE_HSTS_SECONDS": 31_536_000,
        "SECURE_HSTS_INCLUDE_SUBDOMAINS": True,
    }
