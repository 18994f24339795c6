"""Chromium that stays, told what to do through a pair of pipes: for what takes as long as it takes."""
import base64
import json
import os
import shutil
import subprocess
import threading

from .wait import until


class Browser:
    """One page, in a window of that size."""

    def __init__(self, folder, url, size=(1280, 1000), scheme=1):
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        # The browser has its ends as 3 and 4.
        script = f"exec 3<&{to_browser} 4>&{from_browser}; exec \"$@\""
        self._process = subprocess.Popen(
            ["bash", "-c", script, "browser", shutil.which("chromium"), "--headless", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", f"--user-data-dir={folder}", f"--window-size={size[0]},{size[1]}",
             f"--blink-settings=preferredColorScheme={scheme}", "--remote-debugging-pipe", "about:blank"],
            pass_fds=(to_browser, from_browser), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        os.close(to_browser)
        os.close(from_browser)
        self._limit = threading.Timer(120, self._process.kill)
        self._limit.start()
        self._received, self._number, self._session = b"", 0, {}
        target = self._tell("Target.createTarget", url=url)["targetId"]
        self._session = {"sessionId": self._tell("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]}

    def _tell(self, method, **parameters):
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters, **self._session}
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            while b"\0" not in self._received:
                part = os.read(self._in, 1 << 20)
                assert part, f"the browser ended before it answered {method}"
                self._received += part
            line, _, self._received = self._received.partition(b"\0")
            answer = json.loads(line)
            if answer.get("id") == self._number:
                assert "result" in answer, answer
                return answer["result"]

    def until(self, expression, seconds=60):
        """Waits for a JavaScript expression to be true in the page."""
        until(lambda: self._tell("Runtime.evaluate", expression=expression)["result"].get("value") is True, expression, seconds)

    def picture(self, path):
        path.write_bytes(base64.b64decode(self._tell("Page.captureScreenshot", format="png")["data"]))

    def close(self):
        self._limit.cancel()
        os.close(self._out)
        os.close(self._in)
        self._process.wait(30)
