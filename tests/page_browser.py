"""A page in a real browser (Chromium by Playwright): it notes whatever goes wrong, and looks at what everyone must be able to use."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
# what a person acts on: without a name, a screen reader has nothing to say of it
NAMED_ROLES = {
    "button",
    "checkbox",
    "combobox",
    "link",
    "radio",
    "searchbox",
    "slider",
    "spinbutton",
    "textbox",
}
_WITHOUT_WORDS = "[...document.images].filter(one => !one.hasAttribute('alt')).map(one => one.outerHTML.slice(0, 200))"
# Contrast of text against what lies behind it (WCAG 2.2, 1.4.3): 4.5, of large text 3. Text over a picture is not measured.
_FAINT_TEXT = """() => {
    const channels = colour => (colour.match(/[\\d.]+/g) || []).map(Number);
    const luminance = ([r, g, b]) => [r, g, b].map(c => (c /= 255) <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4)
        .reduce((sum, c, k) => sum + c * [0.2126, 0.7152, 0.0722][k], 0);
    const over = (top, below) => top.slice(0, 3).map((c, k) => c * (top[3] ?? 1) + below[k] * (1 - (top[3] ?? 1)));
    const behind = element => {
        const layers = [];
        for (let one = element; one; one = one.parentElement) {
            const colour = channels(getComputedStyle(one).backgroundColor);
            if ((colour[3] ?? 1) > 0) layers.push(colour);
            if ((colour[3] ?? 1) === 1) break;
        }
        return layers.reverse().reduce((below, top) => over(top, below), [255, 255, 255]);
    };
    const faint = new Set();
    const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
    while (walker.nextNode()) {
        const text = walker.currentNode.data.trim(), element = walker.currentNode.parentElement;
        if (!text || !element.checkVisibility({opacityProperty: true, visibilityProperty: true}) || element.closest("svg, script, style, [disabled]")) continue;
        const style = getComputedStyle(element), size = parseFloat(style.fontSize);
        const back = behind(element), front = over(channels(style.color), back);
        const [dark, light] = [luminance(front), luminance(back)].sort((a, b) => a - b);
        const contrast = (light + 0.05) / (dark + 0.05);
        const large = size >= 24 || (size >= 18.66 && style.fontWeight >= 700);
        if (contrast < (large ? 3 : 4.5) - 0.005) faint.add(`${text.slice(0, 40)}: ${contrast.toFixed(2)}`);
    }
    return [...faint];
}"""
# Whether the element that has the focus looks other than without it: itself, or one of what holds it.
_SHOWS_FOCUS = """() => {
    const chain = element => [0, 1, 2, 3].reduce((found, _) => [...found, found.at(-1)?.parentElement], [element]).filter(Boolean);
    const look = one => {const s = getComputedStyle(one); return [s.outlineStyle === "none" ? "" : s.outline, s.boxShadow, s.borderColor].join()};
    const element = document.activeElement, all = chain(element), before = all.map(look);
    element.blur();
    const after = all.map(look);
    element.focus({preventScroll: true, focusVisible: true});
    return before.some((one, k) => one !== after[k]);
}"""


class Pages:
    """Pages of one browser process that ask a server, each in a context of its own.

    Parameters
    ----------
    browser : playwright.sync_api.Browser
    address : str
        The server's; every request to another host is a fault.
    """

    def __init__(self, browser, address: str) -> None:
        self._browser, self._address = browser, address

    @contextmanager
    def open(self, link: str, *, width: int, dark: bool = False) -> Iterator:
        """A page that does what a person does there. At its end nothing may have gone wrong."""
        context = self._browser.new_context(viewport={"width": width, "height": 800}, accept_downloads=True)
        page = context.new_page()
        page.set_default_timeout(90_000)
        faults, hosts = [], set()
        page.on("console", lambda said: faults.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: faults.append(str(error)))
        # from the beginning: asked for just before Enter, it is told too late now and then, and the dialog is lost
        page.on("filechooser", lambda _: None)
        page.on("request", lambda request: hosts.add(urlsplit(request.url).netloc))
        page.goto(f"{self._address}{link}?__theme={'dark' if dark else 'light'}", wait_until="domcontentloaded")
        yield page
        assert_everyone_can_use(page, width)
        context.close()
        assert not faults, faults
        assert hosts - {""} == {urlsplit(self._address).netloc}, hosts  # "" is of data: and blob: addresses


def assert_everyone_can_use(page, width: int) -> None:
    """Not wider than the screen, every picture with words for it, every control with a name, and all text legible."""
    page.wait_for_function(f"document.documentElement.scrollWidth <= {width}", timeout=5_000)
    found = {
        "pictures without words for them": page.evaluate(_WITHOUT_WORDS),
        "controls without a name": nameless(page),
        "text of too little contrast": page.evaluate(_FAINT_TEXT),
    }
    assert not any(found.values()), found


def nameless(page) -> list[str]:
    """What has no name for a screen reader, by the browser's own tree of what it would say."""
    session = page.context.new_cdp_session(page)
    found = []
    for node in session.send("Accessibility.getFullAXTree")["nodes"]:
        if node.get("ignored") or node["role"]["value"] not in NAMED_ROLES:
            continue
        if not node.get("name", {}).get("value", "").strip():
            html = session.send("DOM.getOuterHTML", {"backendNodeId": node["backendDOMNodeId"]})["outerHTML"]
            found.append(f"{node['role']['value']}: {html[:300]}")
    return found


def seen(place):
    """The first of these that a person sees: Gradio keeps hidden copies of tables to measure their columns."""
    return place.locator("visible=true").first


def tab_to(page, reached: str, *, at_most: int = 40) -> None:
    """Press Tab until a place has the focus, or holds what has it; each stop on the way shows that it has it."""
    for _ in range(at_most):
        page.keyboard.press("Tab")
        told = page.evaluate("() => document.activeElement.outerHTML.slice(0, 200)")
        assert page.evaluate(_SHOWS_FOCUS), f"the focus is not seen on {told}"
        if page.evaluate("place => !!document.activeElement.closest(place)", reached):
            return
    raise AssertionError(f"{reached} is not reached with the keyboard")


def give_by_keyboard(page, files) -> None:
    """Open the file dialog of what has the focus, and choose these."""
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(files)
