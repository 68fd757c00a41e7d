"""The addresses of an account: none becomes the one it is known by before it is confirmed."""

from typing import Any, cast

from allauth.account.models import EmailAddress
from allauth.account.views import EmailView
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


addresses = without_organization(AddressesView.as_view())
