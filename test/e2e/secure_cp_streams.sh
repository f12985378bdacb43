#!/usr/bin/env bash
# test/e2e/secure_cp_streams.sh: hx cp with '-', from standard input and to standard output; and what --json writes.
# shellcheck source=test/lib.sh disable=SC2016 # what eval runs
. "$(dirname "$0")/../lib.sh"

start_nameserver_with_home
mkdir -p share/dir here
start_bound home home --keepalive 1 --share "$WORK/share:rw" || exit 1
head -c 5000000 /dev/urandom >big
: >empty
cp_() { timeout 120 "$B/hx" cp "$@" 2>cp.err; }
no_part() { [ -z "$(find share -name '*hx-part*')" ]; }

# --- from standard input
check "standard input goes up" eval 'cat big | cp_ - home:dir/up && same big share/dir/up'
check "one line says how much" grep -q '^1 file, 5.0 MB whole and verified' cp.err
check "from a file, too" eval 'cp_ - home:dir/up2 <big && same big share/dir/up2'
check "nothing is a file of nothing" eval 'cp_ - home:none <empty && [ -e share/none ] && [ ! -s share/none ]'
check "what is there is replaced" eval 'echo new | cp_ - home:none && [ "$(cat share/none)" = new ]'
check "but not with -n, which is said" eval 'echo newer | cp_ -n - home:none && [ "$(cat share/none)" = new ] && grep -q "left as it is" cp.err'
check "no directory is written over" eval '! echo x | cp_ - home:dir && grep -q "is a directory" cp.err'
check "one that does not exist is told" eval '! echo x | cp_ - home:missing/f && grep -q "does not exist" cp.err'
check "standard input that cannot be read makes no file" eval '! cp_ - home:failed <share && grep -q "standard input: Is a directory" cp.err && [ ! -e share/failed ]'
mkfifo slow
exec 7<>slow
: >stopped.err
"$B/hx" cp - home:stopped <slow 2>stopped.err 7<&- &
pid=$!
STARTED+=("$pid")
head -c 100000 big >&7
check "what arrives has no name yet" await_part share 90000
check "indeed none" [ ! -e share/stopped ]
kill -9 "$pid"
wait "$pid" 2>/dev/null
check "of who was killed nothing is kept" await_true 40 no_part
check "and there is no such file" [ ! -e share/stopped ]
exec 7<&-
check "the others' parts are none either" no_part

# --- to standard output
cp big share/big
cp empty share/empty
check "a file comes out of standard output" eval 'cp_ home:big - >out && same big out'
check "into a pipe" eval 'cp_ home:big - | cmp - big'
check "nothing, too" eval 'cp_ home:empty - >out && [ ! -s out ]'
check "a file of /proc as far as it is there" eval 'cp /proc/version share/version && cp_ home:version - | cmp - /proc/version'
check "no directory does" eval '! cp_ home:dir - >out && grep -q "is a directory" cp.err && [ ! -s out ]'
check "what does not exist is told" eval '! cp_ home:missing - >out && grep -q "does not exist" cp.err'
check "a full disk is told" eval '! cp_ home:big - >/dev/full && grep -q "standard output: No space left" cp.err'
cp_ home:big - | head -c 1000 >/dev/null
check "a reader that leaves is a failure" [ "${PIPESTATUS[0]}" = 1 ] # of head's pipe
ln -s big share/link
check "-L follows a link" eval 'cp_ -L home:link - | cmp - big'

# --- what is no file here stands for them
check "a device takes a file" eval 'cp_ home:big /dev/null && grep -q "^1 file, 5.0 MB whole and verified" cp.err && [ -c /dev/null ]'
check "a command's output goes up" eval 'cp_ <(cat big) home:dir/from && same big share/dir/from'
check "a command takes what comes" eval 'cp_ home:big >(cat >taken) && await_true 40 same big taken'
mkfifo pipe
cat pipe >piped &
pid=$!
STARTED+=("$pid")
check "a FIFO takes it" eval 'cp_ home:big pipe && wait $pid && same big piped'
mkfifo nobody
signalled() { timeout -k 60 0.5 "$B/hx" cp "$@" 2>cp.err; [ "$?" = 124 ]; }
check "a signal ends who waits for a FIFO's writer" signalled nobody home:dir/never
check "or for its reader" signalled home:big nobody
no_terminal() { ! timeout 120 setsid -w "$B/hx" cp home:big /dev/tty 2>cp.err && grep -q '^hx: /dev/tty: ' cp.err; }
check "one that cannot be opened is told" no_terminal

# --- what makes no sense
usage() { # usage REGEX ARGUMENT...
    cp_ "${@:2}" </dev/null
    [ $? = 2 ] && grep -Eq -- "$1" cp.err
}
check "'-' is alone on its side" usage 'nothing else beside it' - big home:
check "and takes one file" usage 'which takes one file' home:big home:empty -
check "standard input needs a name" usage 'has no name' - home:
check "a directory is no name" usage 'has no name' - home:dir/
check "both sides here is for cp" usage 'must be NAME:PATH' - -
check "-u is of files" usage '-u has no meaning' -u - home:x
check "nor does a FIFO give one" usage "what .nobody. gives has no name" nobody home:dir/
check "so is --exclude" usage '--exclude has no meaning' --exclude x home:big -
check "and of no device" usage '-u has no meaning with ./dev/null.' -u home:big /dev/null
echo dash >./-
check "./- is a file" eval 'cp_ ./- home: && [ "$(cat share/-)" = dash ]'

# --- objects
command -v python3 >python.out || finish
cat >objects.py <<'PY'
import json, sys
lines = [json.loads(line) for line in open(sys.argv[1], encoding="ascii")]
events = {}
for line in lines:
    events.setdefault(line["event"], []).append(line)
exec(sys.argv[2])
PY
says() { python3 objects.py out "$1"; } # says PYTHON: of `events`, by their kind
mkdir -p some/sub
head -c 2000000 big >some/big
echo >some/sub/a.o
echo 1234 >some/sub/small
echo >"some/$(printf 'odd\n\033"\377')"
ln -s big some/link
check "--json writes objects" eval 'cp_ --json --exclude "*.o" some home: >out'
check "one for each file that is done, with its size" says 'assert {e["file"]: e["size"] for e in events["done"] if e["file"][:8] != "some/odd"} == {"some/big": 2000000, "some/sub/small": 5}'
check "and that has begun" says 'assert len(events["begin"]) == 3'
check "for what was left out, and why" says 'assert {e["file"]: e["reason"] for e in events["skipped"]} == {"some/sub/a.o": "excluded", "some/link": "a symbolic link"}'
check "a name that is no text has its bytes, too" says '[odd] = [e for e in events["done"] if "bytes" in e]; assert odd["bytes"] == "some/odd%0A%1B%22%FF"'
check "the last one is the summary" says 's = lines[-1]; assert s["event"] == "summary" and s["ok"] is True and s["files"] == 3 and s["links"] == 1 and s["failed"] == 0 and s["seconds"] >= 0'
check "standard error has nothing then" [ ! -s cp.err ]
check "what is there is left, in words" eval 'cp_ --json -n some home: >out && says "assert len(events[\"left\"]) == 3 and lines[-1][\"left\"] == 3"'
check "a failure has its reason" eval '! cp_ --json home:missing home:big here >out && says "[f] = events[\"failed\"]; assert f[\"reason\"] and lines[-1][\"ok\"] is False and lines[-1][\"files\"] == 1"'
check "each second there is how far it is" eval 'cp_ --json --bwlimit 2000KB home:big here/slow >out'
check "with path, rate and times" says 'p = events["progress"][-1]; assert len(events["progress"]) >= 2 and p["path"] in ("lan", "direct", "ipv6") and p["total"] == 5000000 and 0 < p["done"] <= 5000000 and p["rate"] > 0 and p["left_s"] >= 0'
check "--dry-run has it, too" eval 'cp_ --json --dry-run home:some here >out && says "assert \"some/big\" in [e[\"file\"] for e in events[\"would\"]]"'
start_bound office office --share "$WORK/here:rw" || exit 1
check "and a copy from one peer to another" eval 'cp_ --json home:some home:missing office:; [ $? = 1 ]' # its output is that of check
check "with what becomes of each file" eval 'cp_ --json home:some home:missing office: >out; says "assert len(events[\"done\"]) == 4 and events[\"failed\"][0][\"file\"] == \"missing\" and not lines[-1][\"ok\"] and lines[-1][\"files\"] == 4"'
check "a name is written whatever its length" eval '! cp_ --json "home:$(printf "%09000d" 0)*" here >out && says "assert len(events[\"failed\"][0][\"file\"]) > 9000 and not lines[-1][\"ok\"]"'
check "and standard input" eval 'cp_ --json - home:json <big >out && says "assert lines[-1][\"ok\"] and lines[-1][\"bytes\"] == 5000000 and events[\"done\"][0][\"file\"] == \"json\""'
check "standard output is one or the other" usage '--json has no meaning' --json home:big -
finish
