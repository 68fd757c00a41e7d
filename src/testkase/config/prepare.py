"""Makes a database ready to serve: migrated, proven isolated, and with the demo organization where it is wanted."""

from testkase.config.data_folder import make_folder
from testkase.config.migrate import migrate_from_environment
from testkase.config.supervising.demo_file import read_demo, write_demo
from testkase.foundation import logging as log
from testkase.foundation.settings import Settings


def prepare(settings: Settings) -> None:
    """Safe to repeat, and to be killed at any point."""
    log.configure("prepare", settings.log_level)
    make_folder(settings.data)
    migrate_from_environment(settings)
    if settings.demo:
        _seed(settings)


def _seed(settings: Settings) -> None:
    """The demo's secrets are known only while they are made: where their file is lost, they are renewed."""
    # Models can be imported only after Django is set up, which the migration does.
    from testkase.services.organizations.demo import seed_demo  # noqa: PLC0415

    known = read_demo(settings.data)
    seeded = seed_demo(settings, renew_secrets=known is None)
    if seeded.api_key is None:
        demo = {**(known or {}), "url": settings.public_url}
    else:
        users = {role: {"email": user.email, "password": user.password} for role, user in seeded.users.items()}
        demo = {
            "url": settings.public_url,
            "api_key": seeded.api_key,
            "organization": seeded.organization,
            "users": users,
        }
    if demo != known:
        write_demo(settings.data, demo)
