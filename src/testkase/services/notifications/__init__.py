"""Telling people: notifications in the product, by e-mail, and the alerts about an organization's balance.

    from testkase.services.notifications import Notification, notify

    message = Notification(kind="guard.paused", event_key="guard.paused:17", title="…", body="…")
    told = yield from notify(org_id, message)

`notify` runs in the transaction of what it tells about, so that people are told exactly when it happened, and once.
"""

from testkase.services.notifications.telling import OWNER_AND_ADMINS, Notification, notify

__all__ = ["OWNER_AND_ADMINS", "Notification", "notify"]
