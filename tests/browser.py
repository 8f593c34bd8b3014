"""A real browser, spoken to over two pipes: no library is needed."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome")
     if (found := shutil.which(name))), None,
)  # fmt: skip
FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage",
    "--disable-quic", "--hide-scrollbars", "--remote-debugging-pipe", "--enable-logging=stderr",
    "--v=0", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
)  # fmt: skip


SPOT = """(selector, text) => {
  const seen = [...document.querySelectorAll(selector)].filter(
    one => one.innerText.includes(text) && one.getClientRects().length);
  if (!seen.length) return null;
  const last = seen[seen.length - 1];
  last.scrollIntoView({block: "center"});
  const box = last.getBoundingClientRect();
  return [box.x + box.width / 2, box.y + box.height / 2];
}"""
"""Where the last visible element is that a selector finds and that carries a text."""

STILL = """(spot) => {
  const was = window.lastSpot;
  window.lastSpot = String(spot);
  return !!spot && was === window.lastSpot;
}"""
"""Whether a spot is there and was there at the last look: a dialog flies in."""


def still(selector):
    return f"({STILL})(({SPOT})({json.dumps(selector)}, ''))"


class Browser:
    """One page in a headless Chromium."""

    def __init__(self, folder, *, width=1280, height=1400, dark=False):
        folder.mkdir(parents=True, exist_ok=True)
        self._log = folder / "console.log"
        to_them, self._out = os.pipe()
        self._in, from_them = os.pipe()
        words = [
            CHROMIUM, *FLAGS, f"--user-data-dir={folder}", f"--window-size={width},{height}",
            f"--blink-settings=preferredColorScheme={0 if dark else 1}", "about:blank",
        ]  # fmt: skip
        # Chromium reads file descriptor 3 and writes 4.
        line = f'exec "$@" 3<&{to_them} 4>&{from_them}'
        with self._log.open("w") as log:
            self._child = subprocess.Popen(
                ["/bin/bash", "-c", line, "chromium", *words], pass_fds=(to_them, from_them),
                stdout=subprocess.DEVNULL, stderr=log, env={**os.environ, "HOME": str(folder)},
            )  # fmt: skip
        os.close(to_them)
        os.close(from_them)
        self._reader = os.fdopen(self._in, "rb", buffering=0)
        self._rest, self._count, self._session = b"", 0, None
        target = self._ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self._ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        self._ask("Page.enable")

    def open(self, url):
        self._ask("Page.navigate", url=url)

    def run(self, script):
        """Evaluate JavaScript and return its value."""
        done = self._ask("Runtime.evaluate", expression=script, returnByValue=True)
        return done["result"].get("value")

    def wait_for(self, script, seconds=240):
        """Evaluate until it is true."""
        if not self.becomes(script, seconds):
            raise AssertionError(f"{script} stays false on:\n{self.text()[:3000]}")
        return self.run(script)

    def text(self):
        return self.run("document.body.innerText") or ""

    def console(self):
        """What the console said so far, of the page and of every frame in it."""
        return [line for line in self._log.read_text().splitlines() if "CONSOLE" in line]

    def said(self, text, seconds=400):
        """Wait until the console has said a text, and return all it said."""
        end = time.monotonic() + seconds
        while not any(text in line for line in self.console()):
            assert time.monotonic() < end, f"{text} is not in {self.console()} of\n{self.text()}"
            time.sleep(0.2)
        return self.console()

    def click(self, selector, text="", *, until):
        """Click what a selector finds and carries a text, as a finger would, until it worked."""
        told = f"({SPOT})({json.dumps(selector)}, {json.dumps(text)})"
        for patience in (15, 30, 60):  # a page that is still being drawn loses a click
            self.press(*self.wait_for(told))
            if self.becomes(until, seconds=patience):
                return
        raise AssertionError(f"a click on {selector} {text} did nothing on:\n{self.text()[:3000]}")

    def becomes(self, script, seconds):
        """Whether it is true within so many seconds."""
        end = time.monotonic() + seconds
        while not self.run(script):
            if time.monotonic() > end:
                return False
            time.sleep(0.2)
        return True

    def press(self, x, y):
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            self._ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def type(self, text, *, enter=False):
        self._ask("Input.insertText", text=text)
        if enter:
            for kind in ("keyDown", "keyUp"):
                self._ask(
                    "Input.dispatchKeyEvent", type=kind, key="Enter", code="Enter",
                    windowsVirtualKeyCode=13, text="\r" if kind == "keyDown" else "",
                )  # fmt: skip

    def picture(self, path):
        made = self._ask("Page.captureScreenshot", format="png")
        path.write_bytes(base64.b64decode(made["data"]))

    def close(self):
        self._child.kill()
        self._child.wait()
        os.close(self._out)
        self._reader.close()

    def _ask(self, method, **params):
        self._count += 1
        message = {"id": self._count, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            told = self._next()
            if told.get("id") == self._count:
                if "error" in told:
                    raise AssertionError(f"{method}: {told['error']}")
                return told["result"]

    def _next(self):
        while b"\0" not in self._rest:
            part = self._reader.read(1 << 20)
            if not part:
                raise AssertionError("the browser ended")
            self._rest += part
        line, _, self._rest = self._rest.partition(b"\0")
        return json.loads(line)
