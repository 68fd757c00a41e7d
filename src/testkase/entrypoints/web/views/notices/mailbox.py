"""The mailbox of a trial run: e-mails that would have been sent, where no mail server is set up.

Letters let their readers in, so the page opens only on the operator's own machine, only for those who manage the
organization, and shows only what that organization sent and what went to the viewer's own address. Everywhere else it
is not there.
"""

from pathlib import Path

from django.conf import settings
from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from testkase.entrypoints.web.mailbox import mailbox_open
from testkase.entrypoints.web.viewer import MemberRequest
from testkase.foundation.problems import NotFound
from testkase.services.organizations.mailbox import mails_for


@require_safe
def mailbox(request: MemberRequest) -> HttpResponse:
    """The newest letters, with their words."""
    viewer = request.viewer
    if not mailbox_open(viewer):
        raise NotFound("There is no such page.")
    mails = mails_for(Path(settings.EMAIL_FILE_PATH), org_id=viewer.org_id, address=viewer.user.email)
    return render(request, "testkase/mailbox.html", {"section": "mailbox", "mails": mails})
