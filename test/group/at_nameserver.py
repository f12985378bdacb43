#!/usr/bin/env python3
"""at_nameserver.py NAMESERVER-PROGRAM: what /join does, as members by hand see it (members.py). Prints TAP."""
import os
import signal
import subprocess
import sys
import time
import traceback

from members import CANDIDATE, Member, OverUdt, join, refusal, token

OPEN = ["--rate-per-address", "0", "--introductions-per-source", "0", "--introductions-per-name", "0",
        "--max-per-address", "0"]
LOG = os.path.join(os.environ.get("WORK", "/tmp"), "nameserver.err")


class Nameserver:
    def __init__(self):
        self.log = open(LOG, "ab")
        self.process = subprocess.Popen(
            [sys.argv[1], "--listen", "127.0.0.1:0", "--listen-tcp", "127.0.0.1:0", *OPEN],
            stdout=subprocess.PIPE, stderr=self.log)
        for line in self.process.stdout:
            address = line.split()[-1].decode()
            if not line.startswith(b"listening on tcp "):
                self.udt = "udt:" + address
            else:
                self.tcp = "tcp:" + address
                return
        raise RuntimeError("the nameserver does not start")

    def rss_kb(self):
        """What it has in memory; a sanitizer keeps what was freed, and so its program says nothing of that."""
        if os.environ.get("SANITIZED"):
            return 0
        with open("/proc/%d/status" % self.process.pid) as status:
            return next(int(line.split()[1]) for line in status if line.startswith("VmRSS"))

    def end(self, kill=False):
        (self.process.kill if kill else self.process.terminate)()
        self.process.stdout.close()
        self.log.close()
        return self.process.wait(60)


def candidate(n):
    return (CANDIDATE % n,)


def mesh(members, among):
    """All sessions that the members were told, by pair; fails if the two of a pair were told different ones."""
    sessions = {}
    for member in members:
        for part in member.known:
            if part.name != member.name and part.what in ("here", "joined"):
                sessions.setdefault(frozenset((member.name, part.name)), []).append(part.session)
    assert len(sessions) == among * (among - 1) // 2, "%d pairs" % len(sessions)
    for pair, told in sessions.items():
        assert len(told) == 2 and told[0] and told[0] == told[1], "%s: %s" % (sorted(pair), told)
    return {pair: told[0] for pair, told in sessions.items()}


def gather(ns, session, count, expect=None):
    """So many join, one after the other; each is told of the others."""
    members = []
    for n in range(count):
        newcomer = join(ns.udt, session, "m%02d" % n, expect or count, candidate(n))
        for member in members:
            part = member.part()
            assert (part.what, part.name, part.counted) == ("joined", newcomer.name, (n + 1, expect or count)), part
            assert part.address == newcomer.known[0].address and part.all("Candidate"), part
            member.known.append(part)
        members.append(newcomer)
    return members


def leave(members):
    for member in members:
        member.leave()


def story_newcomer(ns):
    """a newcomer is told of itself and of all who are there, and these of it"""
    one = join(ns.udt, "new", "one", 3)
    assert [part.counted for part in one.known] == [(1, 3)] and one.known[0].address == one.external, one.known
    two = join(ns.udt, "new", "two", 3)
    assert [(p.what, p.name, p.counted) for p in two.known] == [("self", "two", (2, 3)), ("here", "one", (2, 3))], two.known
    joined = one.part()
    assert (joined.what, joined.name, joined.address, joined.counted) == ("joined", "two", two.external, (2, 3)), joined
    other = join(ns.udt, "other", "two", 2) # the same name elsewhere is another member
    assert len(other.known) == 1
    leave([one, two, other])


def story_sessions(ns):
    """each pair has one Session, told to both, and no two pairs the same"""
    members = gather(ns, "pairs", 6)
    sessions = mesh(members, 6)
    assert len(set(sessions.values())) == len(sessions)
    keys = [session.split()[1] for session in sessions.values()]
    assert len(set(keys)) == len(keys) and all(len(key) == 32 for key in keys), keys
    leave(members)


def story_plain(ns):
    """who tells no candidates gets addresses alone, and nothing of its own is told but its address"""
    with_some = join(ns.udt, "plain", "some", 2, candidate(1))
    plain = join(ns.udt, "plain", "plain", 2)
    for part in (plain.known[1], with_some.part()):
        assert {name for name, _ in part.fields} == {"Members", "Member"}, part
    leave([with_some, plain])


def story_each_expects(ns):
    """each member is told how many it expects itself, and more than those may come"""
    two = join(ns.udt, "expect", "two", 2)
    five = join(ns.udt, "expect", "five", 5)
    three = join(ns.udt, "expect", "three", 3)
    assert [p.counted for p in two.parts(2)] == [(2, 2), (3, 2)]
    assert [p.counted for p in five.known] == [(2, 5), (2, 5)] and five.part().counted == (3, 5)
    assert {p.counted for p in three.known} == {(3, 3)}
    leave([two, five, three])


def story_leaver(ns):
    """who leaves is told to the others with its last address; so is who crashes"""
    one, two, three = gather(ns, "leave", 3)
    address = two.external
    two.leave()
    for member in (one, three):
        part = member.part()
        assert (part.what, part.name, part.address, part.counted) == ("left", "m01", address, (2, 3)), part
        assert part.session is None
    leave([one, three])
    one, two = join(ns.tcp, "crash", "one", 3), join(ns.tcp, "crash", "two", 3)
    assert one.part().what == "joined"
    two.crash()
    part = one.part()
    assert (part.what, part.name, part.counted) == ("left", "two", (1, 3)), part
    back = join(ns.tcp, "crash", "two", 3)
    assert one.part().what == "joined" and back.known[1].name == "one"
    leave([one, back])


def story_unreachable(ns):
    """who is there over TCP, where nobody can send UDP to it, counts for those alone who are there like that"""
    udt, tcp = join(ns.udt, "ways", "udt", 2, candidate(1)), join(ns.tcp, "ways", "tcp", 2, candidate(2))
    assert [part.counted for part in tcp.known] == [(2, 2), (2, 2)] and tcp.known[1].session is None, tcp.known
    other = join(ns.udt, "ways", "other", 2, candidate(3))
    assert [part.counted for part in other.known] == [(2, 2), (2, 2)], other.known
    assert udt.part().name == "other" and tcp.part().counted == (3, 2)
    leave([udt, tcp, other])


def story_mover(ns):
    """with its Join-Session a member moves: it keeps its Sessions, and S ends its old stream"""
    mine = token()
    one = join(ns.udt, "move", "one", 2, candidate(1))
    two = join(ns.udt, "move", "two", 2, (*candidate(2), "Join-Session: " + mine))
    session = one.part().session
    moved = join(ns.udt, "move", "two", 2, (*candidate(3), "Join-Session: " + mine))
    part = one.part()
    assert (part.what, part.name, part.address) == ("moved", "two", moved.external), part
    assert part.session == session and moved.known[1].session == session, (session, part, moved.known)
    assert part.all("Candidate") == [candidate(3)[0].split(": ", 1)[1]], part
    two.ends()
    stranger = Member(ns.udt, "move", "two", 2, ("Join-Session: " + token(),))
    moved.challenged_until(stranger)
    assert stranger.refused().status == 409
    leave([one, moved, stranger])


def story_one_name(ns):
    """a name that a living member has is refused; that of a silent one is given to the newcomer"""
    one = join(ns.udt, "name", "one", 2)
    alive = join(ns.udt, "name", "same", 2)
    assert one.part().what == "joined"
    newcomer = Member(ns.udt, "name", "same", 2)
    alive.challenged_until(newcomer)
    assert newcomer.refused().status == 409
    alive.link.freeze()
    newcomer = Member(ns.udt, "name", "same", 2).head()
    told = [(p.what, p.name) for p in one.parts(2)]
    assert told == [("left", "same"), ("joined", "same")], told
    assert [p.what for p in newcomer.parts(2)] == ["self", "here"]
    leave([one, alive, newcomer])


def story_waited(ns):
    """when the time of Prefer: wait is over it is told so, and the stream goes on"""
    begun = time.monotonic()
    one = join(ns.tcp, "wait", "one", 2, ("Prefer: wait=1",))
    part = one.part()
    assert (part.what, part.name, part.counted) == ("waited", "one", (1, 2)) and time.monotonic() - begun > 0.9, part
    two = join(ns.tcp, "wait", "two", 2, ("Prefer: wait=1",))
    assert one.part().what == "joined"
    clock = join(ns.tcp, "clock", "clock", 2, ("Prefer: wait=1",))
    assert clock.part().what == "waited"
    one.leave()
    assert two.part().what == "left" # and nothing before it: all had been there
    leave([two, clock])


def story_full(ns):
    """64 members meet, each pair with its Session; the 65th is told that the session is full"""
    begun = time.monotonic()
    members = gather(ns, "full", 64)
    took = time.monotonic() - begun
    assert len(set(mesh(members, 64).values())) == 2016
    print("# 64 members joined one after the other in %.2f s" % took)
    more = refusal(ns.udt, "session=full&expect=64&name=more")
    assert more.status in (409, 503) and "--max-members" in more.body, more
    members.pop().leave()
    for member in members:
        assert member.part().what == "left"
    late = join(ns.udt, "full", "late", 64)
    assert len(late.known) == 64
    leave(members + [late])


def story_bad_input(ns):
    """what is missing or wrong is refused with 400 and one line that says so"""
    good = {"session": "s", "expect": "3", "name": "n"}
    bad = [("expect", value) for value in ("0", "1", "65", "-2", "abc", "", "2x", "99999999999999999999", " 2", "+3", "0x10", None)]
    bad += [(which, value) for which in ("session", "name") for value in ("", "a" * 256, "a%20b", "a%0d%0ab", "a/b", "%zz", "%00", None)]
    for which, value in bad:
        query = "&".join("%s=%s" % item for item in {**good, which: value}.items() if item[1] is not None)
        found = refusal(ns.tcp, query.replace(" ", "%20"))
        assert found.status == 400, "%s: %s" % (query, found)
        if value is None:
            assert which in found.body, found
    assert refusal(ns.tcp, "session=s&expect=3&name=n", ("Join-Session: 12",)).status == 400
    longest = Member(ns.tcp, "l" * 255, "n" * 255, 64).head()
    assert longest.part().name == "n" * 255
    longest.leave()


def story_flood(ns):
    """a member that floods S is ended, and keeps nobody from being told"""
    one = join(ns.tcp, "flood", "one", 3)
    flooder = join(ns.tcp, "flood", "flooder", 3)
    one.part()
    before = ns.rss_kb()
    flooder.link.socket.settimeout(2)
    sent = 0
    try:
        while sent < 50_000_000:
            sent += flooder.link.socket.send(b"x" * 65536)
    except OSError: # S has ended it, or reads no more
        pass
    two = join(ns.tcp, "flood", "two", 3)
    told = [(part.what, part.name) for part in one.parts(2)]
    assert told == [("left", "flooder"), ("joined", "two")], told
    assert ns.rss_kb() - before < 8192, "S has grown by %d kB" % (ns.rss_kb() - before)
    leave([one, flooder, two])


def story_reads_nothing(ns):
    """who reads nothing while a thousand come and go costs S nothing, and learns in the end who is there"""
    deaf = Member(ns.tcp, "deaf", "deaf", 2).head()
    before = ns.rss_kb()
    for n in range(1000):
        join(ns.tcp, "deaf", "n%d" % (n % 7), 2).leave()
        if n == 100:
            before = ns.rss_kb()
    last = join(ns.tcp, "deaf", "last", 2)
    there = set()
    while "last" not in there:
        part = deaf.part()
        if part.what in ("here", "joined", "moved"):
            there.add(part.name)
        elif part.what == "left":
            there.discard(part.name)
    assert ns.rss_kb() - before < 4096, "S has grown by %d kB" % (ns.rss_kb() - before)
    leave([deaf, last])


def story_restart(ns):
    """after S was killed and started again all join anew, and get new Sessions"""
    members = gather(ns, "restart", 4)
    before = mesh(members, 4)
    ns.end(kill=True)
    for member in members:
        member.crash()
    ns.__init__() # at another port: these members are told where
    after = mesh(gather(ns, "restart", 4), 4)
    assert set(before) == set(after) and not set(before.values()) & set(after.values())


def tell(n, story, ns):
    begun = time.monotonic()
    try:
        story(ns)
        print("ok %d - %s" % (n, story.__doc__))
        return True
    except Exception: # whatever it is, it is this story's failure
        print("not ok %d - %s" % (n, story.__doc__))
        print("\n".join("# " + line for line in traceback.format_exc().splitlines()))
        return False
    finally:
        print("# %.0f ms" % ((time.monotonic() - begun) * 1000), flush=True)


def main():
    wanted = sys.argv[2:]
    stories = [value for name, value in globals().items()
               if name.startswith("story_") and (not wanted or name[6:] in wanted)]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    ns = Nameserver()
    try:
        failed = [story for n, story in enumerate(stories, 1) if not tell(n, story, ns)]
    finally:
        OverUdt.end_all()
        status = ns.end()
    print("%s %d - the nameserver ends well" % ("not ok" if status else "ok", len(stories) + 1))
    if status:
        with open(LOG, errors="replace") as log:
            print("".join("# " + line for line in log.readlines()[-60:]), end="")
    print("1..%d" % (len(stories) + 1))
    sys.exit(bool(failed or status))


main()
