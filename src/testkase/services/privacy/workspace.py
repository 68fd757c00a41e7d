"""The organization's own work: test cases and what surrounds them. Accepted drafts are test cases like any other (P13).

The retention never touches it; it goes only when the Owner erases everything.
"""

from testkase.services.privacy.model import Content, ContentTable

CASES = Content(
    slug="cases",
    kind="work",
    name="Test cases, folders, and the history of every change",
    why="They are what the product is for.",
    kept="Until they are erased. Switching AI off takes none of them away.",
    erased_by="The Owner, with everything else.",
    tables=(
        ContentTable(name="test_case", key=("case_id",), not_exported=("search",), all="true"),
        ContentTable(
            name="case_folder",
            key=("project_id", "folder_id"),
            all="NOT EXISTS (SELECT FROM case_folder AS k WHERE k.org_id = c.org_id"
            " AND k.project_id = c.project_id AND k.parent_id = c.folder_id)",
        ),
        ContentTable(name="case_change"),
    ),
)

CYCLES = Content(
    slug="cycles",
    kind="work",
    name="Test cycles, results and comments",
    why="They say what was tested, with which outcome.",
    kept="Until the cycle is deleted, or everything is erased.",
    erased_by="Project admins, by cycle; the Owner, with everything else.",
    tables=(
        ContentTable(name="test_cycle", key=("cycle_id",), all="true"),
        ContentTable(name="cycle_entry"),
        ContentTable(name="execution"),
    ),
)

IMPORTS = Content(
    slug="imports",
    kind="work",
    name="Imported files, and what became of each line",
    why="An import that was interrupted goes on where it was, and says what it did.",
    kept="The file until it has been worked off; the titles of its lines until everything is erased.",
    erased_by="The Owner, with everything else.",
    tables=(
        ContentTable(name="import_run", key=("import_id",), not_exported=("content",), all="true"),
        ContentTable(name="import_line"),
    ),
)

GUIDELINES = Content(
    slug="guidelines",
    kind="work",
    name="The team's own guidelines for using AI",
    why="The Owner and the Admins wrote them for everybody here.",
    kept="Until they are replaced or emptied.",
    erased_by="The Owner and the Admins, on the page itself.",
    tables=(ContentTable(name="team_guidelines", all="true"),),
)
