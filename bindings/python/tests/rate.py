"""python -m tests.rate tool|python keyed|bare|insecure FILE: prints MB/s of that file through one pipe, by `hx bind`
and `hx connect` or by pipe.py, from the moment that both are connected until all of it has come out. $HX_NAMESERVER and
$HX_KEY are set."""
import os
import subprocess
import sys
import time

from tests.support import BUILD, PACKAGE, Process


def main():
    by, how, path = sys.argv[1:]
    if by == "tool":
        way = {"keyed": [], "bare": ["--bare"], "insecure": ["--insecure"]}[how]
        take, give = ([BUILD / "hx", what, "pipe", "-v", *way] for what in ("bind", "connect"))
    else:
        take, give = ([sys.executable, "-m", "tests.pipe", what, "pipe", how] for what in ("take", "give"))
    buffer, missing = bytearray(1 << 20), os.path.getsize(path)
    with open(path, "rb") as source:
        taker = Process(take, "stderr", cwd=PACKAGE, stdin=subprocess.DEVNULL, bufsize=0)
        taker.line("bound")
        giver = Process(give, "stderr", cwd=PACKAGE, stdin=source, stdout=subprocess.DEVNULL)
        giver.line("connected")
        begun = time.monotonic()
        while missing > 0:
            got = taker.popen.stdout.readinto(buffer)
            if got == 0:
                break
            missing -= got
        ended = time.monotonic()
        statuses = [process.popen.wait(100) for process in (giver, taker)]
    if statuses != [0, 0] or missing != 0:
        sys.exit(f"{by}, {how}: ended with {statuses}, {missing} bytes too few")
    print(f"{os.path.getsize(path) / 1e6 / (ended - begun):.1f}")


if __name__ == "__main__":
    main()
