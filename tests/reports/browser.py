"""A headless Chromium driven over the WebDriver protocol, with what it logs and what it requests."""

from __future__ import annotations

import base64
import json
import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")
DRIVER = shutil.which("chromedriver")
START_S = 60.0


class Browser:
    """One page at a time."""

    def __init__(self, address: str, session: str) -> None:
        self._session = f"{address}/session/{session}"

    def open(self, page: Path, fragment: str = "") -> None:
        """Load a page to its end; `fragment` is the part of its address from ``#`` on."""
        _call(f"{self._session}/url", {"url": "about:blank"})
        _call(f"{self._session}/url", {"url": page.as_uri() + fragment})
        deadline = time.monotonic() + START_S
        while self.run("return document.readyState") != "complete":
            if time.monotonic() > deadline:
                raise TimeoutError(f"{page} did not load within {START_S:g} s")
            time.sleep(0.1)

    def run(self, script: str, *arguments: object) -> Any:
        """The value that a JavaScript function body returns."""
        return _call(f"{self._session}/execute/sync", {"script": script, "args": list(arguments)})

    def console(self) -> list[str]:
        """Errors and warnings that the page logged since the last call."""
        entries = _call(f"{self._session}/se/log", {"type": "browser"})
        return [entry["message"] for entry in entries if entry["level"] in ("SEVERE", "WARNING")]

    def requests(self) -> list[str]:
        """Addresses requested since the last call, those within the page itself left out."""
        entries = _call(f"{self._session}/se/log", {"type": "performance"})
        messages = [json.loads(entry["message"])["message"] for entry in entries]
        return [
            message["params"]["request"]["url"]
            for message in messages
            if message["method"] == "Network.requestWillBeSent"
            and not message["params"]["request"]["url"].startswith("data:")
        ]

    def press(self, *keys: str) -> None:
        """Press and release keys one after another, by their WebDriver codes."""
        strokes = [{"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]
        actions = [{"type": "key", "id": "keyboard", "actions": strokes}]
        _call(f"{self._session}/actions", {"actions": actions})

    def drag(self, start: tuple[int, int], end: tuple[int, int]) -> None:
        """Press the mouse at one point of the window, and release it at another."""
        (x, y), (to_x, to_y) = start, end
        moves: list[dict[str, object]] = [
            {"type": "pointerMove", "duration": 0, "origin": "viewport", "x": x, "y": y},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerMove", "duration": 50, "origin": "viewport", "x": to_x, "y": to_y},
            {"type": "pointerUp", "button": 0},
        ]
        mouse = {"type": "pointer", "id": "mouse", "parameters": {"pointerType": "mouse"}, "actions": moves}
        _call(f"{self._session}/actions", {"actions": [mouse]})

    def emulate(self, *, width: int, height: int = 900, dark: bool = False) -> None:
        """A screen of another size, and what its user prefers."""
        screen = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600}
        prefers = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        for command, parameters in (
            ("Emulation.setDeviceMetricsOverride", screen),
            ("Emulation.setEmulatedMedia", {"features": [prefers]}),
        ):
            _call(f"{self._session}/goog/cdp/execute", {"cmd": command, "params": parameters})

    def screenshot(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(_call(f"{self._session}/screenshot")))

    def print_pdf(self, path: Path) -> None:
        path.write_bytes(base64.b64decode(_call(f"{self._session}/print", {"background": True})))


@contextmanager
def chromium(*, width: int = 1200, height: int = 900) -> Iterator[Browser]:
    """A browser for as long as the context lasts."""
    assert DRIVER is not None
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [DRIVER, f"--port={port}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait_for(address)
        options = {
            "binary": CHROMIUM,
            "args": [
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                f"--window-size={width},{height}",
            ],
        }
        capabilities = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        session = _call(f"{address}/session", {"capabilities": {"alwaysMatch": capabilities}})["sessionId"]
        try:
            yield Browser(address, session)
        finally:
            _call(f"{address}/session/{session}", method="DELETE")
    finally:
        process.terminate()
        process.wait(timeout=START_S)


def _wait_for(address: str) -> None:
    deadline = time.monotonic() + START_S
    while True:
        try:
            if _call(f"{address}/status")["ready"]:
                return
        except (urllib.error.URLError, ConnectionError):
            if time.monotonic() > deadline:
                raise
        time.sleep(0.1)


def _call(address: str, body: dict[str, Any] | None = None, *, method: str | None = None) -> Any:
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(address, data=data, method=method)
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=120) as answer:
        return json.load(answer)["value"]
