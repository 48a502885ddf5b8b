"""The links of a page on which a web server lists a folder."""

from html.parser import HTMLParser


def links_of(page: bytes) -> list[str]:
    """Return the addresses that a page links to, as they stand there.

    >>> links_of(b'<a href="a%20b.png">a b</a> <A class=x HREF=c.png>c</A> <a name=d>')
    ['a%20b.png', 'c.png']
    """
    parser = _Links()
    parser.feed(page.decode("utf-8", "replace"))
    return parser.found


class _Links(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "a":
            self.found += [value for name, value in attrs if name == "href" and value]
