"""Files as text, whatever wrote them."""

from testkase.foundation.problems import InvalidInput


def decoded(data: bytes) -> str:
    """UTF-8 with or without a mark, UTF-16 with one, else Windows-1252. Raises InvalidInput for what is no text."""
    marked = data.startswith((b"\xff\xfe", b"\xfe\xff"))
    for encoding in ["utf-16"] if marked else ["utf-8-sig", "cp1252"]:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if "\x00" in text:
            break
        return text.replace("\r\n", "\n").replace("\r", "\n")
    raise InvalidInput("The file is not text. Save it as UTF-8.", field="file")
