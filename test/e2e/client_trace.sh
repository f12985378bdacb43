#!/usr/bin/env bash
# What hx and a nameserver say to each other, as a transcript (hx --trace), which udtcurl --replay plays again; and what a
# stolen one is good for.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx
start_nameserver_with_key
plays() { # plays FILE [OPTION...]: all is answered as it was
    timeout $((30 * SLOW)) "$B/udtcurl" --replay "$1" "${@:2}" "udt://$NS/" >"$WORK/replay.out" 2>&1 && return
    cat "$WORK/replay.out"
    return 1
}
differs() { # differs FILE REGEX [OPTION...]: it is not, and standard output says where
    timeout $((30 * SLOW)) "$B/udtcurl" --replay "$1" "${@:3}" "udt://$NS/" >"$WORK/replay.out" 2>&1
    [ $? = 1 ] && grep -Eq -- "$2" "$WORK/replay.out" && return
    cat "$WORK/replay.out"
    return 1
}

# --- a rendezvous
(umask 022 && : >"$WORK/h1") # it is there already, for all to read
start bind "$HX" bind traced --echo -v --trace "$WORK/h1"
BIND=$PID
await_line "$WORK/bind.err" '^bound traced as' >/dev/null
check "two who trace what they say meet" \
    [ "$(echo hello | timeout $((30 * SLOW)) "$HX" connect traced --trace "$WORK/h2" --trace-secrets)" = hello ]
kill "$BIND"
await_exit "$BIND"
check "the transcript is for nobody else to read" [ "$(stat -c %a "$WORK/h1")" = 600 ]
check "it has what was asked for" grep -qE '^ +[0-9]+\.[0-9]{6} > GET /bind\?host_id=traced HTTP/1\.1\\r\\n$' "$WORK/h1"
check "and what was answered, each line with its time" grep -qE '^ +[0-9]+\.[0-9]{6} < HTTP/1\.1 200 OK\\r\\n$' "$WORK/h1"
check "under a title for each connection" grep -qE '^=== 1: /connect\?host_id=traced$' "$WORK/h2"
check "keys are left out" grep -qE '< Session: [0-9a-f]{32} \*{32}\\r\\n$' "$WORK/h1"
check "and what a holder is known by" grep -qE '> Bind-Session: \*{32}\\r\\n$' "$WORK/h1"
check "unless they are asked for" grep -qE '< Session: [0-9a-f]{32} [0-9a-f]{32}\\r\\n$' "$WORK/h2"
cat "$WORK/h1" "$WORK/h2" >"$WORK/both"
check "both together are played again, and answered as they were" plays "$WORK/both"
check "without waiting for the times, too" plays "$WORK/both" --fast
check "alone a holder is told of nobody, which is said" differs "$WORK/h1" 'has not come' --fast -m 1
check "a peer alone finds nobody" differs "$WORK/h2" 'now: +HTTP/1\.1 404 Not Found' --fast -m 1

# --- what is no transcript
echo "GET / HTTP/1.1" >"$WORK/none"
check "what is no transcript is refused with its line" ended 20000 2 'line 1 is none of a transcript' "$B/udtcurl" --replay "$WORK/none" "$NS"
check "so is a file that is not there" ended 20000 26 'No such file' "$B/udtcurl" --replay "$WORK/absent" "$NS"
check "where nobody answers it ends as other transfers do" \
    ended 20000 28 'timed out' "$B/udtcurl" --replay "$WORK/both" --connect-timeout 0.2 127.0.0.1:1
check "a file that cannot be written is told of before anything is sent" \
    ended 20000 1 "cannot write '$WORK/no/such'" "$HX" bind traced --trace "$WORK/no/such"

# --- a nameserver that wants to know who asks
stop_nameserver
DEVICE=$("$HX" key --device "$WORK/device.key")
printf '%s %s\n' "traced bind" "$DEVICE" "nobody-* connect" "$DEVICE" >"$WORK/rules"
start_nameserver --auth "$WORK/rules" || exit 1
start bind "$HX" bind traced --echo -v --trace "$WORK/proven" --trace-secrets --device-key "$WORK/device.key" -n "$NS"
BIND=$PID
await_line "$WORK/bind.err" '^bound traced as' >/dev/null
kill "$BIND"
await_exit "$BIND"
check "the proof is in the transcript" grep -qE '> Authorization: HX key="ed25519:[^"]+", sig="[A-Za-z0-9_-]{86}"' "$WORK/proven"
check "who has stolen it, signature and all, is refused" differs "$WORK/proven" 'now: +HTTP/1\.1 401 ' --fast -m 1
check "who has the key plays it again" plays "$WORK/proven" --fast --device-key "$WORK/device.key"
fetch() { timeout $((20 * SLOW)) "$B/udtcurl" -s -w '%{http_code} %{num_connects}\n' "$@" >"$WORK/fetch.out" 2>"$WORK/fetch.err"; }
bound_by_hand() { # with the key's proof, on the same connection
    fetch -m 1 --device-key "$WORK/device.key" "udt://$NS/bind?host_id=traced"
    grep -qx '200 1' "$WORK/fetch.out"
}
check "udtcurl --device-key proves it, too" bound_by_hand
twice() { # the first answer tells with what the second request is proven
    fetch -v --device-key "$WORK/device.key" "udt://$NS/connect?host_id=nobody-1" "udt://$NS/connect?host_id=nobody-2"
    [ "$(grep -c '^< HTTP/1.1 401 ' "$WORK/fetch.err") $(grep -c '^< HTTP/1.1 404 ' "$WORK/fetch.err")" = "1 2" ] &&
        grep -qx '404 0' "$WORK/fetch.out" # the second one needed no connection of its own
}
check "what is asked next on the connection is proven at once" twice
unproven() { fetch "udt://$NS/bind?host_id=traced" && grep -qx '401 1' "$WORK/fetch.out"; }
check "without it the answer is 401" unproven
chmod 644 "$WORK/device.key"
check "a key that others can read is refused" ended 20000 58 'chmod 600' "$B/udtcurl" --device-key "$WORK/device.key" "udt://$NS/"
finish
