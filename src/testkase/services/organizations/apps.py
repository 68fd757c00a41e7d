"""The Django application of people and organizations."""

from django.apps import AppConfig


class OrganizationsConfig(AppConfig):
    """Label `organizations`; its only managed table is `app_user`."""

    name = "testkase.services.organizations"
    label = "organizations"
    verbose_name = "People and organizations"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Hear of changes to how people sign in; only now can the models be imported."""
        from testkase.services.organizations import security  # noqa: F401, PLC0415
