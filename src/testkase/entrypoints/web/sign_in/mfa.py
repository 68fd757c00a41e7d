"""Two-step sign-in: its secrets are encrypted at rest, each bound to the person it belongs to."""

from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.contrib.auth.base_user import AbstractBaseUser
from django.core.exceptions import ValidationError

from testkase.foundation.sealing import CannotOpen, Seal

_UNREADABLE = (
    "Your two-step sign-in cannot be checked on this server, because its secret key has changed. Ask the operator."
)


class MfaAdapter(DefaultMFAAdapter):
    """allauth's behaviour, with sealed secrets: a row copied to another person's account opens nothing there."""

    def encrypt(self, text: str) -> str:
        return _seal().close(text, owner=_owner())

    def decrypt(self, encrypted_text: str) -> str:
        try:
            return _seal().open(encrypted_text, owner=_owner())
        except CannotOpen as error:
            # Never a default in its place: codes computed from a known secret would let anybody in.
            raise ValidationError(_UNREADABLE) from error

    def _get_site_name(self) -> str:
        return "TestKase"

    def generate_authenticator_name(self, user: AbstractBaseUser, type: str) -> str:
        return "My passkey"


def _seal() -> Seal:
    return Seal([str(key) for key in (settings.SECRET_KEY, *settings.SECRET_KEY_FALLBACKS)], purpose="two-step sign-in")


def _owner() -> str:
    """Whose secret it is: the person signed in, or the one whose sign-in waits for its second step."""
    stage = getattr(context.request, "_login_stage", None)
    user = stage.login.user if stage is not None else context.request.user
    if user is None or user.pk is None:
        raise CannotOpen("Nobody is signed in, and no sign-in is under way.")
    return f"user:{user.pk}"
