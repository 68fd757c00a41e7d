"""The addresses of an account: none becomes the one it is known by before it is confirmed, and by nobody else."""

from typing import Any, cast

from allauth.account.models import EmailAddress
from allauth.account.views import ConfirmEmailView, EmailView
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect

from testkase.entrypoints.web.middleware import without_organization


class AddressesView(EmailView):
    """allauth's page, which lets somebody who has confirmed none choose any: a stranger's too. The first one that is
    confirmed is the primary one by itself."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if "action_primary" in request.POST and not self._is_confirmed(request.POST.get("email", "")):
            messages.error(request, "Confirm the address first: only a confirmed one can be the primary one.")
            return redirect("account_email")
        return cast(HttpResponse, super().post(request, *args, **kwargs))

    def _is_confirmed(self, email: str) -> bool:
        mine = EmailAddress.objects.filter(user=self.request.user.pk, verified=True)
        return bool(mine.filter(email=email.lower()).exists())


class ConfirmationView(ConfirmEmailView):
    """allauth's page, for the account alone that gave the address. Anybody may give any address, and whoever followed
    the link out of a letter they had not asked for gave theirs away."""

    def post(self, *args: Any, **kwargs: Any) -> HttpResponse:
        self.object = cast(Any, self).get_object()
        if not self._is_theirs():
            return self.render_to_response(self.get_context_data(), status=403)
        return cast(HttpResponse, super().post(*args, **kwargs))

    def logout_other_user(self, confirmation: Any) -> None:
        """Nobody is signed out by a link."""

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return cast(dict[str, Any], super().get_context_data(**kwargs)) | {"theirs": self._is_theirs()}

    def _is_theirs(self) -> bool:
        return bool(self.object and self.object.email_address.user_id == self.request.user.pk)


confirmation = without_organization(ConfirmationView.as_view())
confirmation.login_required = True  # type: ignore[attr-defined]  # which allauth's is not
addresses = without_organization(AddressesView.as_view())
