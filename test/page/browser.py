"""A Chromium without a window, by WebDriver over HTTP to chromedriver: what the test of the status page needs of it."""

import base64
import contextlib
import json
import os
import shutil
import subprocess
import tempfile
import urllib.error
import urllib.request

WAIT_S = 60  # a guard against one without an end, on whatever machine

# Waits for document changes, not for time: EXPRESSION is looked at after each of them.
AWAIT = """
const [text, ms, done] = arguments;
const holds = new Function('return (' + text + ');');
let watch = null;
const look = () => {
    let value = null;
    try { value = holds(); } catch (error) { /* what it asks for is not there yet */ }
    if (!value) return false;
    watch.disconnect();
    done(value);
    return true;
};
watch = new MutationObserver(look);
watch.observe(document, {subtree: true, childList: true, characterData: true, attributes: true});
if (!look()) setTimeout(() => { watch.disconnect(); done(null); }, ms);
"""

# No service of the browser's own asks for anything. Its sandbox needs what root and containers have not, and it opens
# our own page alone.
ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
             "--hide-scrollbars", "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-extensions", "--disable-default-apps", "--no-default-browser-check",
             "--force-color-profile=srgb", "--disable-lcd-text"]
# Not the page of a new tab, which is a program of its own.
PREFERENCES = {"session": {"restore_on_startup": 4, "startup_urls": ["about:blank"]}}


class Browser:
    def __init__(self, chromedriver="chromedriver", chromium="/usr/bin/chromium"):
        self.home = tempfile.mkdtemp(prefix="hx-test.browser.")
        environment = dict(os.environ, HOME=self.home)
        for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
            environment.pop(name, None)
        self.driver = subprocess.Popen([chromedriver, "--port=0"], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                       text=True, env=environment)
        self.base = None
        for line in self.driver.stdout:
            if "was started successfully on port " in line:
                self.base = f"http://127.0.0.1:{int(line.rsplit(' ', 1)[1].strip().rstrip('.'))}"
                break
        if self.base is None:
            raise RuntimeError("chromedriver does not start")
        arguments = ARGUMENTS + [f"--user-data-dir={self.home}/profile"]
        answer = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": {"binary": chromium, "args": arguments,
                                                                  "prefs": PREFERENCES},
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
            "timeouts": {"script": 2 * WAIT_S * 1000, "pageLoad": WAIT_S * 1000}}}})
        self.session = f"/session/{answer['sessionId']}"

    def _ask(self, method, path, body=None):
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.base + path, data, {"Content-Type": "application/json"}, method=method)
        opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with opener.open(request, timeout=3 * WAIT_S) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise RuntimeError(json.load(error)["value"]["message"].splitlines()[0]) from None

    def ask(self, method, path, body=None):
        return self._ask(method, self.session + path, body)

    def open(self, url):
        self.ask("POST", "/url", {"url": url})

    def run(self, script, *arguments):
        return self.ask("POST", "/execute/sync", {"script": script, "args": arguments})

    def wait(self, expression, seconds=WAIT_S):
        """The first value of the expression that is true; None after so many seconds."""
        return self.ask("POST", "/execute/async", {"script": AWAIT, "args": [expression, seconds * 1000]})

    def devtools(self, command, **parameters):
        return self.ask("POST", "/goog/cdp/execute", {"cmd": command, "params": parameters})

    def look(self, width, height=900, scheme="light"):
        self.devtools("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.devtools("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1,
                      mobile=width < 600)

    def keys(self, text):
        """Keys pressed one after the other; \\ue004 is Tab, \\ue007 Enter, \\ue00c Escape (WebDriver, 17.4.2)."""
        actions = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        self.ask("POST", "/actions", {"actions": [{"type": "key", "id": "keyboard", "actions": actions}]})

    def log(self, kind):
        """What has come since the last call: of "browser" (its console) or "performance" (DevTools' events)."""
        return self.ask("POST", "/se/log", {"type": kind})

    def console(self):
        return [entry["message"] for entry in self.log("browser")]

    def requests(self):
        """Addresses of all that was asked for since the last call."""
        events = (json.loads(entry["message"])["message"] for entry in self.log("performance"))
        return [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]

    def picture(self, height=None):
        clip = {}
        if height:
            width = self.run("return document.documentElement.clientWidth")
            clip = {"clip": {"x": 0, "y": 0, "width": width, "height": height, "scale": 1}}
        taken = self.devtools("Page.captureScreenshot", format="png", captureBeyondViewport=True, **clip)
        return base64.b64decode(taken["data"])

    def close(self):
        with contextlib.suppress(Exception):
            self.ask("DELETE", "")
        self.driver.terminate()
        self.driver.wait(WAIT_S)
        self.driver.stdout.close()
        shutil.rmtree(self.home, ignore_errors=True)
