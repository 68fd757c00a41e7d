"""The filters of the list of test cases, from the address and back into it."""

from dataclasses import dataclass, replace
from typing import Any, get_args
from urllib.parse import urlencode

from django.http import QueryDict

from testkase.entrypoints.web.query import number
from testkase.foundation.problems import InvalidInput, NotFound
from testkase.services.workspace.folders import with_those_inside
from testkase.services.workspace.model import CaseKind, CaseStatus, CaseType, Folder, Priority
from testkase.services.workspace.search import Wanted

CHOICES: dict[str, tuple[str, ...]] = {
    "status": get_args(CaseStatus),
    "priority": get_args(Priority)[::-1],
    "kind": get_args(CaseKind),
    "type": get_args(CaseType),
}
TOP = "top"
"""In place of a folder's number: cases in no folder."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseFilters:
    """The filters as they stand on the page. `folder` is a number, `top`, or nothing for all."""

    folder: str = ""
    text: str = ""
    status: str = ""
    priority: str = ""
    kind: str = ""
    type: str = ""
    tag: str = ""

    @classmethod
    def asked(cls, query: QueryDict) -> "CaseFilters":
        """What cannot be filters nothing."""
        chosen = {name: value if (value := query.get(name, "")) in choices else "" for name, choices in CHOICES.items()}
        folder = query.get("folder", "")
        return cls(
            folder=folder if folder == TOP or number(folder) else "",
            text=query.get("text", "").strip()[:200],
            tag=query.get("tag", "").replace("\x00", "")[:40],
            **chosen,
        )

    def wanted(self, folders: list[Folder]) -> Wanted:
        """As the search takes them: a folder with those inside it. Raises NotFound for a folder that is not there."""
        inside = None
        if folder_id := number(self.folder):
            inside = tuple(with_those_inside(folders, folder_id))
            if not inside:
                raise NotFound("There is no such folder.")
        return Wanted(
            text=self.text, folders=inside, at_top=self.folder == TOP, status=self.status, priority=self.priority,
            kind=self.kind, type=self.type, tag=self.tag,
        )  # fmt: skip

    def among(self, folders: list[Folder]) -> "CaseFilters":
        """Without a folder that is not there any more: its cases moved up."""
        gone = (chosen := number(self.folder)) and all(folder.folder_id != chosen for folder in folders)
        return replace(self, folder="") if gone else self

    @property
    def given(self) -> dict[str, str]:
        return {name: value for name in self.__dataclass_fields__ if (value := getattr(self, name))}

    @property
    def query(self) -> str:
        """For an address, folder included."""
        return urlencode(self.given)

    @property
    def beside_folder(self) -> str:
        """For an address that names another folder."""
        return urlencode({name: value for name, value in self.given.items() if name != "folder"})

    @property
    def active(self) -> bool:
        """Whether anything but the folder filters."""
        return bool(self.given.keys() - {"folder"})

    @property
    def more(self) -> bool:
        """Whether one of the filters that are folded away is set."""
        return bool(self.given.keys() & {"kind", "type", "tag", "priority"})


def chosen_folder(post: QueryDict, folders: list[Folder]) -> int | None:
    """The folder a form names; None for the top. Raises InvalidInput for one that is gone: forms keep what they say."""
    text = post.get("folder", "")
    if text in ("", TOP):
        return None
    folder_id = number(text)
    if not any(folder.folder_id == folder_id for folder in folders):
        raise InvalidInput("This folder is not there any more. Choose another.", field="folder")
    return folder_id


def with_choices(facts: dict[str, Any]) -> dict[str, Any]:
    """The facts, with what can be chosen."""
    return {**facts, "choices": CHOICES}
