# SPDX-License-Identifier: Apache-2.0
"""HTML as tests read it: every tag with its attributes, every element with its text."""

from html.parser import HTMLParser


class Page(HTMLParser):
    """A document; that its tags close each other in order is checked on the way."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.texts, self._open = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in ("meta", "br", "input"):
            self._open.append((tag, dict(attrs), []))

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        opened, attributes, parts = self._open.pop()
        assert opened == tag, f"</{tag}> closes <{opened}>"
        text = " ".join("".join(parts).split())
        self.texts.append((tag, attributes, text))
        if self._open:
            self._open[-1][2].append(" " + text + " ")

    def handle_data(self, data):
        if self._open:
            self._open[-1][2].append(data)

    def of(self, tag, *, kind=None):
        """Texts of the elements with that tag and, where told, of that class."""
        return [
            text
            for found, has, text in self.texts
            if found == tag and (kind is None or kind in has.get("class", "").split())
        ]

    @property
    def all_text(self):
        return self.of("main")[0]
