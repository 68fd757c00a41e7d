"""To the provider and back."""

from typing import Any

from allauth.socialaccount.helpers import render_authentication_error
from allauth.socialaccount.models import SocialApp
from allauth.socialaccount.providers.oauth2.client import OAuth2Error
from allauth.socialaccount.providers.oauth2.views import OAuth2CallbackView, OAuth2LoginView, OAuth2View
from django.contrib.auth.decorators import login_not_required
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from requests import RequestException

from testkase.entrypoints.web.middleware import without_transaction
from testkase.entrypoints.web.sign_in.sso.verified import VerifiedAdapter


class _Callback(OAuth2CallbackView):
    adapter: VerifiedAdapter

    def _get_state(self, request: HttpRequest, provider: Any) -> tuple[Any, Any]:
        state, response = super()._get_state(request, provider)
        self.adapter.nonce = (state or {}).get("nonce")
        return state, response


@login_not_required
@without_transaction
@never_cache
def login(request: HttpRequest, provider_id: str) -> HttpResponse:
    """A page that goes on to the provider by itself: browsers stop a form whose answer leads to another site."""
    adapter = _adapter(request, provider_id)
    answer = _carefully(OAuth2LoginView, adapter, request)
    if not isinstance(answer, HttpResponseRedirect):
        return answer
    facts = {"provider": adapter.get_provider(), "redirect_to": answer.url}
    return render(request, "socialaccount/login_redirect.html", facts)


@login_not_required
@without_transaction
@never_cache
def callback(request: HttpRequest, provider_id: str) -> HttpResponse:
    """Where the provider sends people back to."""
    return _carefully(_Callback, _adapter(request, provider_id), request)


def _carefully(view: type[OAuth2View], adapter: VerifiedAdapter, request: HttpRequest) -> HttpResponse:
    """allauth's view; a provider that is down or answers nonsense makes a page that says so."""
    try:
        answer: HttpResponse = view.adapter_view(adapter)(request)
    except (RequestException, OAuth2Error, KeyError, ValueError) as error:
        answer = render_authentication_error(request, adapter.get_provider(), exception=error)
    return answer


def _adapter(request: HttpRequest, provider_id: str) -> VerifiedAdapter:
    """Raises Http404 for a provider the operator has not named."""
    adapter = VerifiedAdapter(request, provider_id)
    try:
        adapter.get_provider()
    except SocialApp.DoesNotExist:
        raise Http404 from None
    return adapter
