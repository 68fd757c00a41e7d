"""The last step of signing up through a provider."""

import re
from typing import Any, cast

from allauth.socialaccount.forms import SignupForm
from django import forms
from django.db import transaction
from django.http import HttpRequest

from testkase.entrypoints.web.accounts import FreeAddress, Line
from testkase.entrypoints.web.offer import account_terms
from testkase.entrypoints.web.viewer import SESSION_ORGANIZATION
from testkase.foundation.problems import Problem
from testkase.services.organizations import invitations
from testkase.services.organizations.models import Invitation, User
from testkase.services.organizations.operations import create_organization

_INVITATION = re.compile(r"/invitations/([A-Za-z0-9_-]+)")


class SsoSignupForm(FreeAddress, SignupForm):
    """A name and an organization; the address is the one the provider has verified, and stands.

    Somebody who came from an invitation to that address joins the inviting organization instead of opening one.
    """

    name = Line(label="Your name", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "name"}))
    organization = Line(
        label="Organization", max_length=120, widget=forms.TextInput(attrs={"autocomplete": "organization"})
    )
    field_order = ("name", "organization", "email")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["email"].disabled = True
        for field in self.fields.values():
            field.widget.attrs.pop("placeholder", None)
        self.token, found = self._invitation()
        mine = found is not None and found.email == self.initial["email"]
        self.invitation = found if mine else None
        self.for_another = None if mine else found
        """The invitation they came from, which is for another address than the provider's."""
        if self.invitation is not None:
            del self.fields["organization"]

    def save(self, request: HttpRequest) -> User:
        """The person with their organization, or with their place in the one that invited them: one transaction."""
        with transaction.atomic():
            user = cast(User, super().save(request))
            if self.invitation is not None:
                organization = invitations.accept(self.token, user).organization
            else:
                organization = create_organization(self.cleaned_data["organization"], user, **account_terms())
        if self.invitation is not None:
            self.sociallogin.state.pop("next", None)  # the letter has done its work
        request.session[SESSION_ORGANIZATION] = organization.pk
        return user

    def _invitation(self) -> tuple[str, Invitation | None]:
        found = _INVITATION.fullmatch(str(self.sociallogin.state.get("next") or ""))
        if found is None:
            return "", None
        try:
            return found[1], invitations.invitation_for(found[1])
        except Problem:
            return "", None
