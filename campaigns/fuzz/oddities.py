"""Odd things by hand: headers, addresses, queries, as somebody who means no good would send them."""

TYPES = (
    b"", b"text/plain", b"application/x-www-form-urlencoded", b"multipart/form-data",
    b"multipart/form-data; boundary=", b"multipart/form-data; boundary=x", b"application/json; charset=utf-16",
    b"application/json; charset=nonsense", b"application/xml", b"text/xml", b"application/vnd.api+json",
    b"application/\xff", b"APPLICATION/JSON", b"application/json" + b";x=y" * 50, b"/", b";",
    b"application/x-www-form-urlencoded; charset=idna",
)  # fmt: skip
"""Content types a body is not."""
KEYS = (
    b"", b" ", b'"quoted"', b'"', b"x" * 128, b"x" * 129, b"x" * 7_000, b"\xc3\xa4", b"\xff\xfe", b"a b", b"a,b",
    b"~a", b"a\tb", b"..", b"../x", b"%00", b"resolution:1", b"'", b"0",
)  # fmt: skip
"""Idempotency-Keys."""
VALUES = (
    b"", b"*/*;q=nonsense", b"\xff", b"x" * 8_000, b"0", b"-1", b"true", b"null", b"http://evil.example/", b"//",
    b"[::1", b"::1%x", b"%%%", b"=?utf-8?b?AA==?=", b"a=b; c", b"bytes=0-0,-1", b"Thu, 99 Foo 2026", b"\xe2\x80\xae",
    b"gzip, deflate", b"'", b'"', b"localhost:99999", b"localhost:0x1", b"evil.example", b"127.0.0.1@evil",
    b"../../etc/passwd", b"W/\"x\"", b"Europe/Berlin",
)  # fmt: skip
"""Of any header."""
HEADERS = (
    "Accept", "Accept-Language", "Accept-Encoding", "Cookie", "Origin", "Referer", "Host", "X-Forwarded-For",
    "X-Forwarded-Proto", "X-Forwarded-Host", "X-HTTP-Method-Override", "If-None-Match", "If-Modified-Since", "Range",
    "Content-Encoding", "HX-Request", "HX-Current-URL", "HX-Current-URL-URI-AutoEncoded", "HX-Target", "HX-Prompt",
    "HX-Boosted", "HX-History-Restore-Request", "HX-Trigger", "X-Requested-With", "User-Agent", "Content-Disposition",
    "X-Razorpay-Signature", "X-Razorpay-Event-Id", "Traceparent", "X-Request-Id", "Content-Language", "Expect",
    "Upgrade", "TE", "Date", "Authorization", "X-User", "X-Use-Case", "X-Project",
)  # fmt: skip
"""Headers something reads."""
COOKIES = (
    b"sessionid=", b"sessionid=x", b"sessionid=" + b"a" * 32, b"sessionid=\x01", b"csrftoken=x",
    b"timezone=../../etc/passwd", b"timezone=%00", b"timezone=" + b"A" * 900, b"timezone=posix", b"timezone=Europe",
    b"=;=;", b"messages=x", b"\xff=\xff", b"timezone=%FF",
)  # fmt: skip
"""Beside a browser's own."""
METHODS = ("GET", "POST", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS", "TRACE", "PROPFIND", "get", "FOO", "X" * 30)
"""Known and unknown."""
SEGMENTS = (
    "", "%00", "a%00b", "%2F", "%2e%2e", "..", ".", "%FF", "%ff%fe", "0", "-1", "00", "1.5", "1e3", str(2**31),
    str(2**63), "9" * 30, "9" * 400, "x" * 129, "x" * 3_000, "%ED%A0%80", "%F0%9F%99%82", "~x", "a:b", "*", "%25",
    "%25%32%66", "null", "true", "NaN", "'", "%22", "%3Cscript%3E", "%0d%0aX:1", "%20", "+", ";x=y", "%E2%80%AE",
    "2026-13", "2026-00", "0000-01", "9999-99", "10000-01", "²", "٣",
)  # fmt: skip
"""Parts of an address, as they are sent."""
QUERIES = (
    "", "=", "&&&", "%", "%zz", "a=%FF", "a=%00", "a[]=1", "limit=0", "limit=-1", "limit=1&limit=2", "limit=201",
    "limit=1e2", "limit=%D9%A3", "limit=" + "9" * 40, "cursor=", "cursor=x", "cursor=-1", f"cursor={2**63}",
    f"cursor={2**63 - 1}", "cursor=%00", "cursor=eyJhIjoxfQ", "cursor=AAAA", "cursor=1:1", "since=now",
    "since=2026-02-30", "since=0001-01-01T00:00:00%2B23:59", "since=9999-12-31T23:59:59-23:59",
    "until=10000-01-01T00:00:00Z", "user=%00", "user=" + "x" * 5_000, "project=%ED%A0%80", "use_case=A", "state=x",
    "by=x", "from=x", "from=2026-02-30", "to=0000-00-00", "page=-1", "page=" + "9" * 30, "before=x", "before=-1",
    f"before={2**63}", "q=%00", "q=" + "(" * 300, "q=%25", "q=" + "x" * 3_000, "sort=x", "folder=x",
    f"folder={2**63}", "cycle=%FF", "next=//evil.example", "next=https://evil.example/", "next=%0d%0aX:1",
    "next=javascript:1", "format=x", "month=2026-13", "days=" + "9" * 30, "&".join(f"a{n}=1" for n in range(60)),
    "&".join(f"a{n}=1" for n in range(1_200)), "a=" + "x" * 7_000,
)  # fmt: skip
"""Query strings."""
FILE_NAMES = ("", "../../x.xml", "x\x00.csv", "é" * 200, "x.feature", "CON", "x")
"""Of files in forms."""
FILES = (
    b"", b"\xff\xfe\x00", b"\x00" * 9, b"Title,Steps\n" + b'"' * 2_001, b"a,b\n" * 6_000, b"PK\x03\x04" + b"\x00" * 40,
    b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", b"<testsuite>" * 2_000, b"Feature: x\n  Scenario: y\n    Given z\n",
)  # fmt: skip
"""Their content."""
