# SPDX-License-Identifier: Apache-2.0
"""Headless Chromium, driven over its DevTools pipe with the standard library alone.

A page is opened at a true width (a window cannot be narrower than 500 pixels, an emulated screen
can), and everything it says on the console and asks of the network is kept. Nothing leaves the
machine: no host name resolves. Every wait ends; the processes are killed however the block ends.
"""

import base64
import contextlib
import fcntl
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

NAMES = ("chromium", "chromium-browser", "google-chrome")
WAIT_S = 30.0  # a start on a busy machine takes seconds

FLAGS = (
    "--headless=new",
    "--remote-debugging-pipe",
    "--no-sandbox",  # root and containers have none; the pages are the tests' own
    "--no-first-run",
    "--disable-gpu",
    "--hide-scrollbars",  # as on a phone: all of the width is the page's
    "--disable-dev-shm-usage",
    "--disable-extensions",
    "--disable-background-networking",
    "--disable-component-update",
    "--host-resolver-rules=MAP * ~NOTFOUND",
    "--force-color-profile=srgb",
)


def find_chromium():
    """Path of a Chromium that tells its version; None where there is none.

    One that does not is the stub of some distributions, which only says how to install it.
    """
    for path in filter(None, map(shutil.which, NAMES)):
        with contextlib.suppress(OSError, subprocess.TimeoutExpired):
            told = subprocess.run([path, "--version"], capture_output=True, timeout=WAIT_S)
            if told.returncode == 0 and b"Chrom" in told.stdout:
                return path
    return None


class Browser:
    """A Chromium of its own with an empty profile; a context manager, for one thread."""

    def __init__(self, path):
        with contextlib.ExitStack() as undo:
            self._profile = undo.enter_context(
                tempfile.TemporaryDirectory(prefix="mgn-fast-browser-", ignore_cleanup_errors=True)
            )
            theirs_in, self._commands = _pipe(undo)
            self._events, theirs_out = _pipe(undo)
            self._pid = self._spawn(path, theirs_in, theirs_out)
            undo.callback(self._kill)
            os.close(theirs_in)
            os.close(theirs_out)
            self._received = b""
            self._replies = {}
            self._pages = {}
            self._last_id = 0
            self.call("Browser.getVersion")
            self._undo = undo.pop_all()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._undo.close()

    def open(self, url, *, width=1200, height=900, dark=False, scripts=True):
        """A page that has loaded, at that width and colour scheme; its own scripts may be off."""
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        page = Page(self, attached["sessionId"])
        self._pages[attached["sessionId"]] = page
        page.load(url, width, height, dark=dark, scripts=scripts)
        return page

    def call(self, method, session=None, **parameters):
        """The result of one command of the protocol."""
        self._last_id += 1
        number = self._last_id
        command = {"id": number, "method": method, "params": parameters}
        if session is not None:
            command["sessionId"] = session
        os.write(self._commands, json.dumps(command).encode() + b"\0")
        self.wait(lambda: number in self._replies, f"answer to {method}")
        reply = self._replies.pop(number)
        if "error" in reply:
            raise RuntimeError(f"{method}: {reply['error']}")
        return reply["result"]

    def wait(self, done, what):
        """Takes messages until `done()`; TimeoutError after WAIT_S."""
        deadline = time.monotonic() + WAIT_S
        while not done():
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([self._events], [], [], left)[0]:
                raise TimeoutError(f"Chromium: no {what} within {WAIT_S:g} s")
            self._receive()

    def _receive(self):
        chunk = os.read(self._events, 1 << 20)
        if not chunk:
            raise RuntimeError("Chromium ended")
        *messages, self._received = (self._received + chunk).split(b"\0")
        for message in map(json.loads, messages):
            if "id" in message:
                self._replies[message["id"]] = message
            elif message.get("sessionId") in self._pages:
                self._pages[message["sessionId"]].note(message["method"], message["params"])

    def _spawn(self, path, theirs_in, theirs_out):
        """Chromium reads commands from descriptor 3 and writes to 4."""
        null = os.open(os.devnull, os.O_RDWR)
        try:
            descriptors = {0: null, 1: null, 2: null, 3: theirs_in, 4: theirs_out}
            return os.posix_spawn(
                path,
                [path, *FLAGS, f"--user-data-dir={self._profile}", "about:blank"],
                os.environ,
                file_actions=[(os.POSIX_SPAWN_DUP2, n, at) for at, n in descriptors.items()],
                setpgroup=0,
            )
        finally:
            os.close(null)

    def _kill(self):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)


class Page:
    """One page. `console`: (level, text) of all it said; `requests`: all addresses it asked for."""

    def __init__(self, browser, session):
        self._browser = browser
        self._session = session
        self._loaded = False
        self.console = []
        self.requests = []

    def load(self, url, width, height, *, dark, scripts=True):
        """Opens the address and waits until it and what it names have loaded or failed."""
        for domain in ("Page", "Runtime", "Log", "Network"):
            self._call(f"{domain}.enable")
        self.resize(width, height)
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self._call("Emulation.setEmulatedMedia", features=[scheme])
        self._call("Emulation.setScriptExecutionDisabled", value=not scripts)
        failed = self._call("Page.navigate", url=url).get("errorText")
        if failed:
            raise RuntimeError(f"{url}: {failed}")
        self._browser.wait(lambda: self._loaded, f"end of loading {url}")
        if not scripts:
            return
        # What the last script or picture said arrives before the answer to a later timer.
        self.evaluate("new Promise(resolve => setTimeout(resolve, 50))")

    def resize(self, width, height=900):
        """Gives the page a screen of that size."""
        size = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        self._call("Emulation.setDeviceMetricsOverride", **size)

    def evaluate(self, expression):
        """A JavaScript expression's value; a promise's result."""
        answer = self._call(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(f"{expression}: {answer['exceptionDetails']}")
        return answer["result"].get("value")

    def until(self, expression):
        """Waits for a JavaScript expression to be true; TimeoutError after WAIT_S."""
        self.evaluate(
            f"new Promise(done => {{const at = setInterval(() => {{if ({expression}) "
            "{clearInterval(at); done()}}, 10)})"
        )

    def press(self, key, code):
        """A key pressed and released, such as ("Tab", 9)."""
        for kind in ("rawKeyDown", "keyUp"):
            names = {"key": key, "code": key, "windowsVirtualKeyCode": code}
            self._call("Input.dispatchKeyEvent", type=kind, **names)

    def screenshot(self, path):
        """The whole page, also what one would scroll to, as PNG."""
        shot = self._call("Page.captureScreenshot", format="png", captureBeyondViewport=True)
        Path(path).write_bytes(base64.b64decode(shot["data"]))

    def print_to_pdf(self, path):
        """The page as it prints."""
        Path(path).write_bytes(base64.b64decode(self._call("Page.printToPDF")["data"]))

    @property
    def problems(self):
        """Errors and warnings on the console, and requests for anything but the page itself."""
        said = [f"{level}: {text}" for level, text in self.console if level in _BAD]
        return said + [f"request: {url}" for url in self.requests[1:] if url[:5] != "data:"]

    @property
    def overflow(self):
        """By how many pixels the page is wider than its screen."""
        root = "document.documentElement"
        return self.evaluate(f"{root}.scrollWidth - {root}.clientWidth")

    def luminance(self, selector, colour):
        """How bright a colour of the first such element is, 0 to 1, as WCAG 2 counts it."""
        return self.evaluate(f"({_LUMINANCE})('{selector}', '{colour}')")

    def contrast(self, selector, colour, behind):
        """WCAG 2's ratio of that colour and the background of what is behind, 1 to 21."""
        pair = self.luminance(selector, colour), self.luminance(behind, "backgroundColor")
        return (max(pair) + 0.05) / (min(pair) + 0.05)

    def note(self, event, details):
        """Keeps what an event of the protocol tells."""
        if event == "Page.loadEventFired":
            self._loaded = True
        elif event == "Network.requestWillBeSent":
            self.requests.append(details["request"]["url"])
        elif event == "Runtime.consoleAPICalled":
            values = (value.get("value", value.get("description")) for value in details["args"])
            self.console.append((details["type"], " ".join(map(str, values))))
        elif event == "Runtime.exceptionThrown":
            told = details["exceptionDetails"]
            self.console.append(
                ("error", told.get("exception", {}).get("description", told["text"]))
            )
        elif event == "Log.entryAdded":
            self.console.append((details["entry"]["level"], details["entry"]["text"]))

    def _call(self, method, **parameters):
        return self._browser.call(method, self._session, **parameters)


_BAD = {"error", "warning", "assert"}
_LUMINANCE = """(selector, property) => {
  const colour = getComputedStyle(document.querySelector(selector))[property];
  const [r, g, b] = colour.match(/\\d+/g).map(c =>
    c / 255 <= 0.03928 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4);
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}"""


def _pipe(undo):
    """Both ends, numbered above 9: at 3 and 4 they would be in each other's way in the child."""
    ends = os.pipe()
    moved = [fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, 10) for end in ends]
    for end, low in zip(moved, ends, strict=True):
        os.close(low)
        undo.callback(_close, end)
    return moved


def _close(descriptor):
    with contextlib.suppress(OSError):  # the child's ends are closed as soon as it has them
        os.close(descriptor)
