"""What an operator sees of a file that another user owns: one sentence."""

import errno
import os
import sys

import pytest

from testkase.config import commands


def test_another_user_than_the_products_is_told_so(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def refused() -> None:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), "/srv/var/secrets.json")

    monkeypatch.setattr(commands, "app", refused)
    monkeypatch.setattr(sys, "argv", ["testkase", "serve"])
    with pytest.raises(SystemExit) as ended:
        commands.main()
    assert ended.value.code == 1
    words = "/srv/var/secrets.json cannot be used (Permission denied): run this as the user who runs the product."
    assert capsys.readouterr().err == f"testkase: {words}\n"
