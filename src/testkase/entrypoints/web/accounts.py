"""Signing up: a person and their organization are made together, or neither."""

import logging
from typing import Any, cast

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.forms import LoginForm as AllauthLoginForm
from allauth.account.forms import ResetPasswordForm as AllauthResetPasswordForm
from allauth.account.forms import SignupForm as AllauthSignupForm
from allauth.core import context as current
from django import forms
from django.contrib import messages
from django.contrib.auth.base_user import AbstractBaseUser
from django.contrib.auth.password_validation import validate_password
from django.core.mail import EmailMessage
from django.db import transaction
from django.http import HttpRequest

from testkase.entrypoints.web.letters import NOT_SENT
from testkase.entrypoints.web.offer import account_terms
from testkase.entrypoints.web.sign_in import changed
from testkase.foundation.text import in_one_line
from testkase.services.organizations.invitations import has_account, is_of
from testkase.services.organizations.models import User
from testkase.services.organizations.names import is_mailable
from testkase.services.organizations.operations import create_organization

_log = logging.getLogger(__name__)

_PASSWORD_HELP = "At least 10 characters. A few unrelated words make a good one."  # noqa: S105 - advice, no secret


class AccountAdapter(DefaultAccountAdapter):
    """People are known by an e-mail address in lower case and a name."""

    def save_user(self, request: HttpRequest, user: AbstractBaseUser, form: Any, commit: bool = True) -> User:
        person = cast(User, user)
        person.display_name = form.cleaned_data.get("name", "")
        super().save_user(request, person, form, commit)
        return person

    def clean_email(self, email: str) -> str:
        cleaned: str = super().clean_email(email)
        if not is_mailable(cleaned):
            raise forms.ValidationError("No letter can be sent to this address. Check what stands behind the @.")
        return cleaned.lower()

    def render_mail(
        self, template_prefix: str, email: str | list[str], context: dict[str, Any],
        headers: dict[str, str] | None = None,
    ) -> EmailMessage:  # fmt: skip
        subject = changed.subject_of(template_prefix, context)
        if subject is None:
            return super().render_mail(template_prefix, email, context, headers)
        to = [email] if isinstance(email, str) else email
        text = changed.letter(template_prefix, subject, context)
        return EmailMessage(f"{subject} · TestKase", text, self.get_from_email(), to, headers=headers)

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """What the letter is about has been done, or can be asked for again: no page fails because a mail server does.
        It is said of every address alike, whether it has an account or not."""
        try:
            super().send_mail(template_prefix, email, context)
        except NOT_SENT:
            _log.exception("A letter about an account could not be sent.")
            words = f"An e-mail to {email} could not be sent. If you wait for it, ask for it again in a moment."
            messages.error(current.request, words)


class Line(forms.CharField):
    """A name as names are kept everywhere: nothing that turns the text around it, and something that can be seen."""

    def to_python(self, value: Any) -> str:
        return in_one_line(str(super().to_python(value) or ""))


def _plain(form: forms.Form) -> None:
    """Labels stand above the fields; a placeholder that repeats them is noise."""
    for field in form.fields.values():
        field.widget.attrs.pop("placeholder", None)


class LoginForm(AllauthLoginForm):
    """E-mail address and password."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self)


class FreeAddress:
    """An address is taken by whoever signs in with it or has confirmed it. Who only claims it keeps nobody out."""

    def validate_unique_email(self, value: str) -> str:
        return str(cast(Any, super()).validate_unique_email(value)) if has_account(value) else value


class ResetPasswordForm(AllauthResetPasswordForm):
    """The link lets its reader into an account: it goes to that account's own addresses, never to a claimed one."""

    def clean_email(self) -> str:
        email: str = super().clean_email()
        self.users = [user for user in self.users if is_of(email.lower(), user)]
        return email


class SignupForm(FreeAddress, AllauthSignupForm):
    """E-mail address, password, a name, and what the organization is called."""

    name = Line(label="Your name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    organization = Line(
        label="Organization", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "organization"})
    )
    field_order = ("name", "organization", "email", "password1")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _plain(self)
        self.fields["password1"].help_text = _PASSWORD_HELP

    def save(self, request: HttpRequest) -> User:
        """The person, their organization with the monthly allowance and AI off (R5, P14): one transaction."""
        with transaction.atomic():
            user = cast(User, super().save(request))
            create_organization(self.cleaned_data["organization"], user, **account_terms())
        return user


class JoinForm(forms.Form):
    """What an invited person adds to the address the invitation was sent to: a name and a password."""

    name = Line(label="Your name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    password1 = forms.CharField(
        label="Password",
        max_length=1_000,
        strip=False,
        help_text=_PASSWORD_HELP,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def __init__(self, email: str, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.email = email

    def clean_password1(self) -> str:
        """Held against the name and the address too, which come before it."""
        password: str = self.cleaned_data["password1"]
        validate_password(password, User(email=self.email, display_name=self.cleaned_data.get("name", "")))
        return password
