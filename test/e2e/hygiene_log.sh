#!/usr/bin/env bash
# Somebody who does not read the log does not keep the server from serving.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"

ask() { "$B/udtcurl" -s -o /dev/null -w '%{http_code}\n' --max-time 20 "$@"; }

mkfifo "$WORK/log"
exec {reader}<>"$WORK/log" # open for reading, and nobody reads
"$B/hx-nameserver" --listen 127.0.0.1:0 --log-level debug >"$WORK/nameserver.out" 2>"$WORK/log" </dev/null &
NS_PID=$!
STARTED+=("$NS_PID")
NS=$(await_line "$WORK/nameserver.out" 'listening on' | sed 's/.* //')
URLS=()
for i in $(seq 400); do URLS+=("udt://$NS/connect?host_id=nobody-$i"); done
check "400 requests are answered while the log's pipe fills up" \
    [ "$(ask "${URLS[@]}" | grep -c '^404$')" = 400 ]
check "and one more on a new connection" [ "$(ask "udt://$NS/")" = 200 ]
timeout 1 cat <&"$reader" >"$WORK/first.log" # what fitted: far fewer than there were
check "lines are missing" [ "$(grep -c 'event=refused' "$WORK/first.log")" -lt 400 ]
check "none is torn" bash -c "! grep -vE '^ts=[^ ]+ level=' '$WORK/first.log'"
kill -USR1 "$NS_PID"
timeout 60 cat <&"$reader" >"$WORK/second.log" &
STARTED+=("$!")
said() { # in a line of either log: while the first was read, the line not_logged may have been the next one
    grep -Eq 'event=[a-z_]+ dropped=[1-9]' "$WORK/first.log" || await_line "$WORK/second.log" 'event=[a-z_]+ dropped=[1-9][0-9]* '
}
check "the next line says how many" said
kill "$NS_PID"
await_exit "$NS_PID"
check "the server ends in order" [ $? = 0 ]

# ---- JSON, as the journal takes it, and without addresses ----
cat >"$WORK/journal.py" <<'END'
"""The nameserver with a socket for its standard error, as systemd has it: checks each line, and prints a summary."""
import collections, json, os, re, socket, subprocess, sys

udtcurl, nameserver = sys.argv[1:]
ours, theirs = socket.socketpair()
st = os.fstat(theirs.fileno())
served = subprocess.Popen(
    [nameserver, "--listen", "127.0.0.1:0", "--log-format", "json", "--log-addresses", "prefix"],
    stdout=subprocess.PIPE, stderr=theirs, env={**os.environ, "JOURNAL_STREAM": f"{st.st_dev}:{st.st_ino}"})
theirs.close()
at = "udt://" + served.stdout.readline().split()[-1].decode()
for path in "/connect?host_id=nobody", "/bind?host_id=%22%0a%ff", "/elsewhere":
    subprocess.run([udtcurl, "-s"] + [at + path] * 40, timeout=60, stdout=subprocess.DEVNULL)
served.terminate()
lines = ours.makefile("rb").read().splitlines()
assert served.wait() == 0
events = collections.Counter()
for line in lines:
    priority, text = re.fullmatch(rb"<([3467])>(\{.*\})", line).groups()
    fields = json.loads(text.decode("ascii"))
    events[fields["event"]] += 1
    assert priority == b"6" or fields["level"] != "info", line
    assert isinstance(fields.get("status", 0), int) and isinstance(fields.get("conn", 0), int), line
    assert fields.get("peer", "127.0.0.0/24") == "127.0.0.0/24", line
    assert fields.get("source", "127.0.0.0/24") == "127.0.0.0/24", line
    assert fields["event"] in ("listening", "stun") or b"127.0.0.1" not in line, line
told = sum(json.loads(line[3:])["lines"] for line in lines if b'"not_logged"' in line)
print(events["stopped"], events["refused"] + told, events["refused"] < 120)
END
check "each line of JSON is a whole object, with a priority for the journal, and without a whole address" \
    [ "$(timeout 100 python3 "$WORK/journal.py" "$B/udtcurl" "$B/hx-nameserver")" = "1 120 True" ]
finish
