#!/usr/bin/env bash
# The HTTP for who runs the nameserver (--admin): what it tells, and to whom.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"

CURL=$B/udtcurl
HX=$B/hx
HX_KEY=$("$HX" key --file "$WORK/key") || exit 1
export HX_KEY
SOCKET=$WORK/admin.sock
TOKEN=0123456789abcdef
echo "$TOKEN" >"$WORK/token"

start_admin() { # start_admin [OPTION...]: sets ADMIN (host:port), too
    start_nameserver --admin 127.0.0.1:0 "$@" || return
    ADMIN=$(await_line "$WORK/nameserver.out" '^listening on admin [0-9]') && ADMIN=${ADMIN##* }
}
# admin PATH [CURL_OPTION...]: its status, with the answer in $WORK/answer and its head in $WORK/head
admin() {
    curl -s -m 20 -D "$WORK/head" -o "$WORK/answer" -w '%{http_code}' "http://$ADMIN$1" "${@:2}"
}
is() { # is STATUS PATH [CURL_OPTION...]
    local got
    got=$(admin "${@:2}")
    [ "$got" = "$1" ] || { echo "$2: $got" && head -c 300 "$WORK/answer" && return 1; }
}
# One Python for all that is asked of answers: to start it takes longer than that.
mkfifo "$WORK/asked" "$WORK/said" && exec {asked}<>"$WORK/asked" {said}<>"$WORK/said"
start_json() {
    exec python3 -c '
import json, sys
for line in sys.stdin:
    try:
        with open(sys.argv[1], encoding="utf-8") as file:
            d = json.load(file)
        print(eval(line), flush=True)
    except Exception as error:
        print(repr(error), flush=True)' "$WORK/answer" <"$WORK/asked" >"$WORK/said"
}
start json start_json
json() { # json EXPRESSION: of the answer, d
    local line
    echo "$1" >&"$asked"
    IFS= read -rt 60 -u "$said" line && echo "$line"
}
told() { # told EXPRESSION VALUE: /api/status, until it says so
    local tries
    for tries in {1..200}; do
        is 200 /api/status && [ "$(json "$1")" = "$2" ] && return
        nap 0.05
    done
    echo "$1: $(json "$1"), not $2 ($tries)"
    return 1
}

# The scrape comes some five seconds after its start.
start_prometheus() {
    printf 'global: {scrape_interval: 1s}\nscrape_configs:\n- {job_name: hx, static_configs: [{targets: ["%s"]}]}\n' "$ADMIN" \
        >"$WORK/prometheus.yml"
    start prometheus "$TOP/build/deb/usr/bin/prometheus" --config.file="$WORK/prometheus.yml" \
        --storage.tsdb.path="$WORK/prometheus" --web.listen-address=127.0.0.1:0 --log.level=info
    PROMETHEUS=$(await_line "$WORK/prometheus.err" 'msg="Listening on"' | sed -E 's/.*address=([0-9.:]+).*/\1/')
}
scraped() { # scraped METRIC VALUE
    curl -s -m 20 -o "$WORK/answer" -G "http://$PROMETHEUS/api/v1/query" --data-urlencode "query=$1" &&
        [ "$(json '" ".join(r["value"][1] for r in d["data"]["result"])')" = "$2" ]
}
clean() {
    "$TOP/build/deb/usr/bin/promtool" check metrics <"$WORK/answer" 2>&1 | if grep .; then return 1; fi
}
in_manual() { # each metric, with its type and help
    python3 - "$WORK/answer" "$TOP/server/hx-nameserver.8" <<'END'
import re, sys
answer, manual = (open(f).read() for f in sys.argv[1:])
shown = re.findall(r"# HELP (\S+) (.*)\n# TYPE \S+ (\S+)", answer)
written = re.findall(r"^\.It Cm (hx_\S+) Pq (\S+)\n(.*)", manual, re.M)
assert len(shown) > 25 and [(n, t, h) for n, h, t in shown] == written, set(written) ^ {(n, t, h) for n, h, t in shown}
END
}

# Thirty that send their requests a byte at a time; says when the last one was cut off, and what they have got.
cat >"$WORK/slow.py" <<'END'
import select, socket, sys, time
host, port = sys.argv[1].split(":")
begun, got = time.monotonic(), b""
left = [socket.create_connection((host, int(port))) for _ in range(30)]
for s in left:
    s.sendall(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\nSlow: ")
while left and time.monotonic() < begun + 120:
    for s in select.select(left, [], [], 0.3)[0]:
        try:
            data = s.recv(65536)
        except ConnectionError:
            data = b""
        got += data
        if not data:
            left.remove(s)
    for s in list(left):
        try:
            s.send(b"x")
        except OSError:
            pass # it is read next
print("cut off" if not left else len(left), time.monotonic() - begun > 9, got, flush=True)
END
slow_were_cut_off() { await_line "$WORK/slow.out" '^cut off True b' 60; }

start_admin --admin "$SOCKET" --relay --listen-tcp 127.0.0.1:0 || {
    not_ok "the nameserver starts" "$WORK/nameserver.err"
    finish
}
TCP=$(await_line "$WORK/nameserver.out" '^listening on tcp ') && TCP=${TCP##* }
start_prometheus
start slow python3 "$WORK/slow.py" "$ADMIN"
check "it says that it serves" is 200 /healthz
check "at a Unix socket, too" [ "$(curl -s -m 20 --unix-socket "$SOCKET" http://any/healthz)" = ok ]
check "which its owner and group alone may use" [ "$(stat -c %a "$SOCKET")" = 660 ]
start holder "$CURL" -s "udt://$NS/bind?host_id=home"
HOLDER_PID=$PID
check "a name that is bound is counted" told 'd["names"]' 1
check "and was so in the last two minutes" told 'sum(d["rates"]["binds"]), len(d["rates"]["binds"])' '(1, 120)'
start events curl -s -N -m 60 "http://$ADMIN/events"
EVENTS_PID=$PID
two_events() { [ "$(grep -c '^event: status$' "$WORK/events.out")" -ge 2 ] && grep '^data: .*"names":1,' "$WORK/events.out"; }
check "events come each second" await_true 20 two_events
check "its metrics are asked for" is 200 /metrics
check "promtool finds nothing wrong with them" clean
check "the manual has them all, with their types and helps" in_manual
# How two met: both tell of it, a moment after that.
start host "$HX" bind host -n "$NS" --echo
await_line "$WORK/nameserver.err" 'event=bound .* name=host' >/dev/null
check "two meet" "$HX" ping host -n "$NS" -c 1
both_told() {
    is 200 /api/introductions && [ "$(json '[(i["name"], i["told"], sorted(o["by"] for o in i["outcomes"]), {o["outcome"] for o in i["outcomes"]} <= {"lan", "direct"}) for i in d["introductions"]]')" = "[('host', True, ['h1', 'h2'], True)]" ]
}
check "the introduction and what both tell of it can be asked for" await_true 20 both_told
heard_of_it() {
    [ "$(grep -A1 '^event: introduction' "$WORK/events.out" | tail -n 1 | grep -o '"by":"h[12]"' | sort -u | wc -l)" = 2 ]
}
check "and came as an event" await_true 20 heard_of_it
took() { # took SIDE: one attempt, in the histogram of how long they took
    is 200 /metrics && grep -qxF "hx_report_seconds_count{by=\"$1\"} 1" "$WORK/answer" &&
        grep -qxF "hx_report_seconds_bucket{by=\"$1\",le=\"+Inf\"} 1" "$WORK/answer"
}
check "how long it took is measured by who asked" took h2
check "and by the holder" took h1
check "who holds a name can be asked for" is 200 /api/names/home
check "with its address" [ "$(json 'd["peer"].rsplit(":", 1)[0], d["transport"], d["introductions"]')" = "('127.0.0.1', 'udp', 0)" ]
pages() { # all names, one a page
    local after='' all='' n
    for n in {1..20}; do
        is 200 "/api/names?limit=1&after=$after" || return
        all+=" $(json '" ".join(n["name"] for n in d["names"])')"
        after=$(json 'd["next"] or ""')
        [ -n "$after" ] || break
    done
    [ "$(tr ' ' '\n' <<<"$all" | sort | xargs)" = 'home host' ] || { echo "$n pages: $all" && return 1; }
}
check "names come in pages" pages
# Two in a session; and two that have just met, and so may be relayed for some time.
for member in anna bert; do
    start $member "$CURL" -s "udt://$NS/join?session=room&expect=2&name=$member"
    await_line "$WORK/nameserver.err" "event=joined .* member=$member" >/dev/null
done
sessions() {
    "$HX" ping host -n "$NS" -c 1 && is 200 /api/sessions || return
    [ "$(json '[(s["kind"], s["session"], sorted(m["name"] for m in s["members"])) for s in d["sessions"]]')" = \
        "[('meeting', 'room', ['anna', 'bert'])]" ] || return
    is 200 "/api/sessions?after=$(json 'd["next"]')" &&
        [ "$(json '{(s["kind"], s["state"], s["bytes"], s["h1"]["peer"].split(":")[0]) for s in d["sessions"]}, d["next"]')" = \
            "({('relay', 'known', 0, '127.0.0.1')}, None)" ]
}
check "sessions come in pages, those of several and those of the relay" await_true 20 sessions
# One that comes through a tunnel.
start far "$HX" bind far -v --tcp-only -n "http://$TCP?udp=${NS##*:}" --echo
await_line "$WORK/nameserver.err" 'event=bound .* name=far' >/dev/null
check "who comes by a tunnel can be asked for" is 200 /api/names/far
check "with the address that it has outside of it" [ "$(json 'd["via"].rsplit(":", 1)[0], d["peer"][:6], d["transport"]')" = "('127.0.0.1', '[100::', 'tunnel')" ]
check "whoever meets it" "$HX" ping far -n "$NS" -c 1
check "leaves an introduction" is 200 /api/introductions
check "with that address, too" [ "$(json '[(i["h1_via"].rsplit(":", 1)[0], "h2_via" in i) for i in d["introductions"] if i["name"] == "far"]')" = "[('127.0.0.1', False)]" ]
check "what is no page is refused" is 400 '/api/names?after=x'
check "nor is a page as long as one likes" is 400 '/api/names?limit=1001'
check "names can be searched" is 200 '/api/names?match=OM'
check "and one is found" [ "$(json '[n["name"] for n in d["names"]]')" = "['home']" ]
check "another site's page kicks nobody" is 403 /api/names/home/kick -X POST -H 'Origin: http://evil.example'
check "nor does who only looks" is 405 /api/names/home/kick
check "who runs it does" is 200 /api/names/home/kick -X POST
check "the holder's stream ends in order" await_exit "$HOLDER_PID"
check "which is counted" [ "$(counter left_kicked)" = 1 ]
check "a name that nobody holds is not kicked" is 404 /api/names/home/kick -X POST
check "the name can be bound again" "$CURL" -s -I "udt://$NS/bind?host_id=home"
check "HEAD is answered as HEAD" is 200 /api/status -I
check "another method is not" is 405 /api/status -X PUT
check "which says what is" grep -qi '^Allow: GET, HEAD' "$WORK/head"
check "there is nothing else" is 404 /etc/passwd
check "and no way out" is 404 /../api/../../etc/passwd --path-as-is
check "another site's name is not answered" is 421 /api/status -H 'Host: evil.example'
check "nor is a long body" is 413 /healthz -X POST -H 'Content-Length: 1000000' -d x
check "nor a long head" is 431 /healthz -H "Long: $(printf '%020000d' 0)"
"$CURL" -s "udt://$NS/connect?host_id=nobody" >/dev/null
# What the log counts is among the metrics, by the end of its name: what keepalives count may have grown.
same_as_log() {
    is 200 /metrics && counters && python3 - "$WORK/answer" "$WORK/counters" <<'END'
import re, sys
answer, counters = (open(f).read() for f in sys.argv[1:])
samples = [(name, re.findall(r'"([^"]*)"', labels), value) for name, labels, value in re.findall(r"^(hx\w+)({.*})? (\S+)$", answer, re.M)]
told = dict(line.split() for line in counters.splitlines() if not re.match("datagrams|keepalives", line))
took = {n: int(told.pop(n)) for n in list(told) if re.search("_within_|_later$", n)} # a histogram
def has(name, value):
    return any(value == v and (name.replace("bound", "free").endswith(labels[-1]) if labels else name[:5] in metric) for metric, labels, v in samples)
lost = [(n, v) for n, v in told.items() if not has(n, v)]
assert len(told) > 4 and not lost, (told, lost)
for metric, labels, value in samples:
    if metric == "hx_report_seconds_count":
        assert int(value) == sum(v for n, v in took.items() if n.startswith(labels[0])), (labels, value, took)
END
}
check "what the log counts is among them" await_true 20 same_as_log
check "Prometheus scrapes it" await_true 60 scraped 'sum(hx_binds_total)' 3
check "and has what clients did" await_true 60 scraped 'hx_refused_total{reason="unknown"}' 1
check "and tell" await_true 60 scraped 'sum(hx_reports_total{way=~"lan|direct"}) >= bool 2' 1
check "who sends a request for ever is cut off" slow_were_cut_off
kill "$EVENTS_PID"
# Over one connection, and at the end as much is held as after the first ones.
rss_kb() { awk '/^VmRSS:/ { print $2 }' "/proc/$NS_PID/status"; }
descriptors() { find "/proc/$NS_PID/fd" -mindepth 1 | wc -l; }
many() { # many COUNT: for metrics, and nine times as many for the page
    [ "$(curl -s -m 300 -w '%{http_code}\n' -o /dev/null "http://$ADMIN/metrics?[1-$1]" -o /dev/null "http://$ADMIN/?[1-$((9 * $1))]" |
        sort | uniq -c | xargs)" = "$((10 * $1)) 200" ]
}
check "a thousand requests on one connection are answered" many 100
RSS=$(rss_kb) FDS=$(descriptors)
check "20,000 more, too" many 2000
if [ "$SLOW" = 1 ]; then
    check "and nothing grows: $RSS kB, $(rss_kb) kB" [ $(($(rss_kb) - RSS)) -le 512 ]
else
    skip "and nothing grows" "a sanitizer keeps what is freed; it looks for leaks at the end"
fi
none_left() { [ "$(descriptors)" -le "$FDS" ]; }
check "nor is a descriptor left" await_true 20 none_left
stop_nameserver
check "it ends in order" [ $? = 0 ]
start_admin --admin "$SOCKET" --admin-token "$WORK/token" --auth tofu --auth-db "$WORK/owners" --listen-tcp 127.0.0.1:0 || {
    not_ok "it starts with a token" "$WORK/nameserver.err"
    finish
}
check "a socket that it has left is replaced" [ -n "$ADMIN" ]
check "with a token it is needed" is 401 /api/status
check "the metrics of one without a relay" is 200 /metrics -H "Authorization: Bearer $TOKEN"
check "are as clean" clean
check "and is enough" is 200 /api/status -H "Authorization: Bearer $TOKEN" -H 'Host: any.example'
check "another one is not" is 401 /api/status -H "Authorization: Bearer ${TOKEN}0"
check "a browser gets a cookie for it" is 303 "/?token=$TOKEN" -c "$WORK/cookies"
check "that no script sees" grep -qi '^Set-Cookie: .*; HttpOnly; SameSite=Strict' "$WORK/head"
check "and no token in it" bash -c "! grep -q $TOKEN '$WORK/cookies'"
check "which it may show" is 200 / -b "$WORK/cookies"
check "whoever asks whether it serves needs none" is 200 /healthz
# A name that is a key's (--auth tofu): two keys bind it one after the other, and the operator forgets the first one's claim.
cat >"$WORK/owner.py" <<'END'
import sys
from prover import Client, Device
def bind(seed):
    key, client = Device(seed), Client(sys.argv[1])
    return client, key.name, client.ask_proven(key, "/bind?host_id=mine").status
holder, name, status = bind("one")
print("one", status, name, bind("two")[2], flush=True)
sys.stdin.readline() # the operator
holder.close()
print("two", bind("two")[2], flush=True)
END
mkfifo "$WORK/operator" && exec {operator}<>"$WORK/operator"
start_owner() {
    PYTHONPATH=$TOP/test/auth PYTHONDONTWRITEBYTECODE=1 exec python3 "$WORK/owner.py" "tcp:${TCP##* }" <"$WORK/operator"
}
TCP=$(await_line "$WORK/nameserver.out" '^listening on tcp ')
start owner start_owner
OWNER=$(await_line "$WORK/owner.out" '^one 200 ed25519:[A-Za-z0-9_-]{43} 403$' | cut -d' ' -f3)
AS=(-H "Authorization: Bearer $TOKEN")
mine() { is 200 /api/names/mine "${AS[@]}" && [ "$(json 'd["key"], d["owner"]')" = "('$OWNER', '$OWNER')" ]; }
check "the key of a holder and of a name's owner can be asked for" mine
check "the owner alone, too" is 200 /api/names/mine/owner "${AS[@]}"
check "it is not forgotten without the token" is 401 /api/names/mine/owner -X DELETE
check "the operator forgets it" is 200 /api/names/mine/owner "${AS[@]}" -X DELETE
check "then it is nobody's" is 404 /api/names/mine/owner "${AS[@]}"
check "whoever holds it goes on" is 200 /api/names/mine "${AS[@]}"
echo >&"$operator"
check "and the next key that binds it owns it" await_line "$WORK/owner.out" '^two 200$'
owned() { is 200 /metrics "${AS[@]}" && grep -qx 'hx_owned_names 1' "$WORK/answer" && grep -qx 'hx_claims_total 2' "$WORK/answer"; }
check "which is counted" owned
# Without a descriptor for who asks, the loop waits, and does not turn for ever.
prlimit --pid "$NS_PID" --nofile=$(($(descriptors) + 4))
start crowd python3 -c '
import socket, sys, time
host, port = sys.argv[1].split(":")
crowd = [socket.create_connection((host, int(port)), 60) for _ in range(30)]
print("connected", flush=True)
time.sleep(600)' "${TCP##* }"
await_line "$WORK/crowd.out" '^connected' >/dev/null
turns() { is 200 /metrics "${AS[@]}" && awk '$1 == "hx_loop_turn_seconds_count" { print $2 }' "$WORK/answer"; }
check "who asks while there is no descriptor left waits" is 000 /healthz -m 1
kill "$PID"
check "and is answered once there is one" await_true 60 is 200 /healthz
check "the loop has not spun meanwhile ($(turns) turns)" [ "$(turns)" -lt 20000 ]
refused() { # refused REGEX OPTION...: it does not start, and says why
    timeout 20 "$B/hx-nameserver" --listen 127.0.0.1:0 "${@:2}" >"$WORK/refused" 2>&1
    [ $? = 2 ] && grep -q "$1" "$WORK/refused"
}
check "other hosts may not ask without a token" refused 'give admin-token' --admin 0.0.0.0:0
check "nor is a third listener taken" refused 'one too many' --admin /a --admin /b --admin /c
finish
