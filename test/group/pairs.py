#!/usr/bin/env python3
"""pairs.py MEMBERS FILE...: what so many members of a session came to. Each file, NAME.out, is what test/group_member.c said.

Succeeds if each of them is connected to each other, has heard it, and says that all are here. Prints how long after the last
one had joined the last one said so, what the punches took, and by which paths."""
import collections
import os
import sys


class Member:
    def __init__(self, path):
        self.name = os.path.basename(path)[:-len(".out")]
        self.kinds, self.heard, self.punches = {}, set(), []
        self.joined = self.complete = None
        self.moved = 0
        with open(path) as lines:
            for line in lines:
                what, *more = line.split()
                if what == "connected":
                    self.kinds.setdefault(more[0], more[1])
                elif what == "punched":
                    self.punches.append((int(more[2]), self.name, more[0]))
                elif what == "heard":
                    self.heard.add(more[0])
                elif what == "moved":
                    self.moved += 1
                elif what == "complete" and not self.complete:
                    self.joined, self.complete = int(more[0]), int(more[1])


def main():
    members = {member.name: member for member in map(Member, sys.argv[2:])}
    pairs = [(a, b) for a in members for b in members if a < b]
    missing = [(a, b) for a, b in pairs if b not in members[a].heard or a not in members[b].heard]
    behind = [name for name, member in members.items() if not member.complete]
    said = [member for member in members.values() if member.complete]
    took = max(m.complete for m in said) - max(m.joined for m in said) if said else 0
    punches = sorted(punch for member in members.values() for punch in member.punches) or [(0, "nobody", "nobody")]
    kinds = collections.Counter(members[a].kinds[b] for a, b in pairs if b in members[a].kinds)
    print("%d of %d pairs, all %d ms after the last join; punches took %d ms (p50), %d ms (p95), the longest one %d ms (%s and %s); %s; "
          "%d times told that one has moved" % (
              len(pairs) - len(missing), len(pairs), took, punches[len(punches) // 2][0], punches[len(punches) * 95 // 100][0],
              *punches[-1], ", ".join("%d %s" % (count, kind) for kind, count in kinds.most_common()),
              sum(member.moved for member in members.values())))
    for a, b in missing[:20]:
        print("missing: %s and %s" % (a, b))
    print("behind:", " ".join(behind) or "nobody")
    sys.exit(bool(missing) or bool(behind) or len(members) != int(sys.argv[1]))


main()
