"""After a build: every link within the site leads to a page or a place that is there, and no page asks for another host."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit

# what a browser fetches by itself when it opens a page; a link (<a href>) is fetched when somebody follows it
FETCHED = {("script", "src"), ("img", "src"), ("img", "srcset"), ("source", "src"), ("source", "srcset")}
FETCHED |= {("iframe", "src"), ("video", "src"), ("audio", "src"), ("object", "data"), ("embed", "src")}
OF_LINKS = {"stylesheet", "icon", "preload", "prefetch", "preconnect", "dns-prefetch", "modulepreload", "manifest"}
IN_STYLE = re.compile(r"""(?:url\(\s*["']?|@import\s+["'])((?:https?:)?//[^"')\s]+)""")
# a script of the theme may name an address in a text or a comment; these calls ask for it
IN_SCRIPT = re.compile(r"""(?:fetch|import|importScripts|open)\s*\(\s*["'`]((?:https?:)?//[^"'`]+)""")


class Page(HTMLParser):
    """The addresses in a page, the places that a link may lead to, and what it fetches."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.places: set[str] = {""}
        self.links: set[str] = set()
        self.fetched: set[str] = set()
        self.feed(text)
        self.fetched |= {*IN_STYLE.findall(text)}

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attributes}
        self.places |= {values[name] for name in ("id", "name") if name in values}
        if tag in ("a", "area") and "href" in values:
            self.links.add(values["href"])
        if tag == "link" and OF_LINKS & {*values.get("rel", "").split()}:
            self.fetched.add(values["href"])
        self.fetched |= {value for name, value in values.items() if (tag, name) in FETCHED}


def faults_of(site: Path) -> list[str]:
    """What is wrong with a built site, one line each."""
    pages = {path: Page(path.read_text(encoding="utf-8")) for path in sorted(site.resolve().rglob("*.html"))}
    faults = []
    for path, page in pages.items():
        name = path.relative_to(site.resolve())
        for address in sorted(page.links | page.fetched):
            parts = urlsplit(address)
            if parts.scheme or parts.netloc:
                if address in page.fetched and parts.scheme != "data":
                    faults.append(f"{name}: asks for {address}")
                continue
            target = (path.parent / unquote(parts.path)).resolve() if parts.path else path
            if not target.exists():
                faults.append(f"{name}: {address} leads nowhere")
            elif target in pages and unquote(parts.fragment) not in pages[target].places:
                faults.append(f"{name}: {address} names a place that {target.name} does not have")
    for pattern, kind in ((IN_STYLE, "*.css"), (IN_SCRIPT, "*.js")):
        for path in sorted(site.resolve().rglob(kind)):
            for address in pattern.findall(path.read_text(encoding="utf-8")):
                faults.append(f"{path.relative_to(site.resolve())}: asks for {address}")
    return faults


def check(app, error: Exception | None) -> None:
    """End the build with what is wrong, if it was one of pages."""
    from sphinx.errors import ExtensionError

    if error is None and app.builder.format == "html" and (faults := faults_of(Path(app.outdir))):
        raise ExtensionError("\n".join([f"{len(faults)} faults in the built site:", *faults]))


def setup(app) -> dict:
    """Tell Sphinx when to call what."""
    app.connect("build-finished", check)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
