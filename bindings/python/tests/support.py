"""What the tests share: a nameserver and the C tools, each a process of the test's own, and pairs of streams."""
from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
import unittest
from pathlib import Path
from typing import Any, Callable, List, Optional, Tuple

TOP = Path(__file__).resolve().parents[3]
BUILD = Path(os.environ.get("B") or "build/release")
BUILD = BUILD if BUILD.is_absolute() else TOP / BUILD
os.environ.setdefault("HX_LIBRARY", str(BUILD / "libhx.so.0"))
PACKAGE = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(PACKAGE))

import hx  # noqa: E402

PATIENCE = 60  # seconds; only guards against waits without an end, on however slow a machine


class Process:
    """A program whose lines can be awaited."""

    def __init__(self, arguments: List[Any], stream: str = "stdout", **options: Any) -> None:
        pipes: Any = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
        pipes[stream] = subprocess.PIPE
        self.popen = subprocess.Popen([str(a) for a in arguments], **{**pipes, **options})
        self._lines: queue.Queue[Optional[str]] = queue.Queue()
        self.seen: List[str] = []
        self._reader = threading.Thread(target=self._read, args=(getattr(self.popen, stream),), daemon=True)
        self._reader.start()

    def _read(self, source: Any) -> None:
        for line in source:
            self._lines.put(line.decode().rstrip("\n"))
        self._lines.put(None)

    def line(self, wanted: str = "") -> str:
        """The next line that has `wanted` in it."""
        while True:
            line = self._lines.get(timeout=PATIENCE)
            if line is None:
                raise AssertionError(f"{self.popen.args} ended; it said {self.seen}")
            self.seen.append(line)
            if wanted in line:
                return line

    def end(self) -> int:
        """Its status, at the end of its input."""
        if self.popen.stdin:
            self.popen.stdin.close()
        return self.popen.wait(PATIENCE)

    def stop(self) -> None:
        if self.popen.poll() is None:
            self.popen.terminate()
        self.popen.wait(PATIENCE)
        self._reader.join(PATIENCE)
        for pipe in (self.popen.stdin, self.popen.stdout, self.popen.stderr):
            if pipe:
                pipe.close()


def nameserver(*options: str) -> Tuple[Process, str]:
    """It, and its HOST:PORT. It has no limit of how often one address may ask."""
    process = Process([BUILD / "hx-nameserver", "--listen", "127.0.0.1:0", "--rate-per-address=100000",
                       "--introductions-per-source=100000", "--introductions-per-name=100000", *options])
    return process, process.line("listening on").split()[-1]


class Case(unittest.TestCase):
    """Has a nameserver for its class, and options by which hx uses it."""

    address = ""

    @classmethod
    def setUpClass(cls) -> None:
        process, cls.address = nameserver()
        cls.addClassCleanup(process.stop)

    def options(self, **more: Any) -> Any:
        return {"nameserver": self.address, "insecure": True, **more}

    def listen(self, name: str = "", **more: Any) -> hx.Listener:
        listener = hx.listen(name or self.id().rsplit(".", 1)[-1], timeout=PATIENCE, **self.options(**more))
        self.addCleanup(listener.close)
        return listener

    def pair(self, **more: Any) -> Tuple[hx.Stream, hx.Stream]:
        """The two ends of a connection: who has connected, who has accepted."""
        listener = self.listen(**more)
        ours = hx.connect(listener.name, timeout=PATIENCE, **self.options(**more))
        self.addCleanup(ours.abort)
        theirs = listener.accept(PATIENCE)
        self.addCleanup(theirs.abort)
        return ours, theirs

    def tool(self, *arguments: Any, awaited: str = "", **options: Any) -> Process:
        """The program hx; what it says on standard error can be awaited."""
        process = Process([BUILD / "hx", *arguments, "-v", "--nameserver", self.address], "stderr", **options)
        self.addCleanup(process.stop)
        if awaited:
            process.line(awaited)
        return process


def beside(work: Callable[[], Any]) -> Callable[[], Any]:
    """Begins it in another thread; the function that is returned waits for its result."""
    results: queue.Queue[Any] = queue.Queue()

    def run() -> None:
        try:
            results.put((work(), None))
        except BaseException as fault:
            results.put((None, fault))
    threading.Thread(target=run, daemon=True).start()

    def result() -> Any:
        value, fault = results.get(timeout=PATIENCE)
        if fault:
            raise fault
        return value
    return result
