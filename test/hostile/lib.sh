# shellcheck shell=bash disable=SC2154
# test/hostile/lib.sh: each row of the table of hostile datagrams is thrown twice: at a bare UDT4 server, to see the
# harm, and at hx-nameserver with honest clients around. Sourced by test/e2e/hostile_*.sh.
. "$(dirname "${BASH_SOURCE[0]}")/../lib.sh"
ulimit -c 0
THROW=$B/test/hostile/throw
CURL=$B/udtcurl
GET_MS=$((1000 * SLOW)) # for an honest request; it takes about a millisecond
LIMIT_MS=$((100 * SLOW * SLOW)) # one lost datagram and its repetition by UDT's timer cost 250 ms and more
MEMORY_KB=1024          # where 2 % is less: the allocator's arenas and UDT's receive units come in such steps
MEMORY_S=60             # UDT holds a closed socket for 1 to 2 s, its broken ones for some more; and others want a processor
ROWS=0
HARM_PID=
UNRATED=(--rate-per-address=0)

value_kb() { # value_kb PID FIELD: of /proc/PID/status; 0 once it has gone
    awk -v field="$2:" '$1 == field { kb = $2 } END { print kb + 0 }' "/proc/$1/status" 2>/dev/null || echo 0
}
cpu_ticks() { # cpu_ticks PID: user and system time so far (proc(5))
    awk '{ sub(/.*\) /, ""); print $12 + $13 }' "/proc/$1/stat"
}
get_ms() { # get_ms ADDRESS [SECONDS]: an honest request's time; fails if it fails
    local out
    out=$("$CURL" -s -f -o /dev/null --max-time "${2:-60}" -w '%{time_total}' "udt://$1/") || return 1
    awk -v s="$out" 'BEGIN { printf "%d\n", s * 1000 }'
}

# --- the harm, on a bare server
BARE_OPTIONS=(--body hello)
start_bare() { # sets BARE (host:port) and BARE_PID
    local line
    rm -f "$WORK/bare.out"
    start bare "$B/test/stock/plain_server" "${BARE_OPTIONS[@]}"
    BARE_PID=$PID
    line=$(await_line "$WORK/bare.out" 'listening on') || return 1
    BARE=${line##* }
}
bare_dies() { # bare_dies SIGNAL CASE: its process ends by the signal
    "$THROW" "$2" "$BARE" >"$WORK/throw.bare"
    await_exit "$BARE_PID" 2>/dev/null
    local rc=$?
    [ "$rc" = $((128 + $(kill -l "$1"))) ] || { echo "it ended with status $rc" && return 1; }
}
bare_grows() { # bare_grows KB CASE: its memory does, by at least so much; it may take its time to touch it
    local before after
    before=$(value_kb "$BARE_PID" VmHWM)
    "$THROW" "$2" "$BARE" >"$WORK/throw.bare"
    has_grown() { after=$(value_kb "$BARE_PID" VmHWM) && [ $((after - before)) -ge "$1" ]; }
    await_true 15 has_grown "$1" || { echo "from $before to $after KB" && return 1; }
}
bare_stalls() { # bare_stalls MS CASE: an honest request takes longer than that, or fails
    local ms throw_pid end=$((SECONDS + 6))
    start throw-bare "$THROW" --repeat "$2" "$BARE"
    throw_pid=$PID
    while ms=$(get_ms "$BARE" 5) && [ "$ms" -lt "$1" ] && [ $SECONDS -lt $end ]; do :; done
    kill "$throw_pid"
    await_exit "$throw_pid"
    [ -z "$ms" ] || [ "$ms" -ge "$1" ] || { echo "an honest request takes $ms ms" && return 1; }
}
bare_says() { # bare_says REGEX CASE: the attacker sees this
    "$THROW" "$2" "$BARE" >"$WORK/throw.bare"
    grep -qE -- "$1" "$WORK/throw.bare" || { cat "$WORK/throw.bare" && return 1; }
}
bare_breaks() { # bare_breaks GOOD CASE: it answers after GOOD, and not after CASE
    bare_says '^answered' "$1" && bare_says '^unanswered' "$2"
}
bare_labours() { # bare_labours LESS CASE: CASE costs it at least twice the processor's time of LESS
    local less more
    "$THROW" "$1" "$BARE" >"$WORK/throw.bare"
    less=$(cpu_ticks "$BARE_PID")
    end_bare
    start_bare || return 1
    "$THROW" "$2" "$BARE" >>"$WORK/throw.bare"
    more=$(cpu_ticks "$BARE_PID")
    [ "$more" -ge $((2 * less)) ] || { echo "$less ticks, then $more" && cat "$WORK/throw.bare" && return 1; }
}
bare_spins() { # bare_spins MS CASE: once thrown, it keeps a processor busy and answers nobody for so long
    local before
    "$THROW" "$2" "$BARE" >"$WORK/throw.bare"
    before=$(cpu_ticks "$BARE_PID")
    ! "$CURL" -s -o /dev/null --max-time $(($1 / 1000)) "udt://$BARE/" || { echo "it answers" && return 1; }
    [ $((($(cpu_ticks "$BARE_PID") - before) * 1000 / $(getconf CLK_TCK))) -ge $(($1 / 10)) ] || { echo "it is idle" && return 1; }
}
harm() { # harm SENTENCE VERB ARGUMENT CASE: a fresh bare server comes to harm, while the row's other half runs
    local verb=bare_$2 argument=$3 case=$4
    [ "$SLOW" = 1 ] || return 0 # nothing of it is ours: once, in the plain run, is enough
    HARM=$1
    HARM_VERB=$verb
    (
        trap end_bare EXIT
        start_bare && "$verb" "$argument" "$case"
    ) >"$WORK/harm.out" 2>&1 &
    HARM_PID=$!
}
harm_done() { # the verdict on it, if there is one
    [ -n "$HARM_PID" ] || return 0
    if wait "$HARM_PID"; then
        ok "$HARM"
    else
        case $HARM_VERB in # how long the library takes is this machine's affair, and no fault of ours
        bare_grows | bare_stalls | bare_labours | bare_spins) skip "$HARM" "not seen in time: $(tail -n 1 "$WORK/harm.out")" ;;
        *) not_ok "$HARM" "$WORK/harm.out" ;;
        esac
    fi
    HARM_PID=
}
end_bare() {
    kill "$BARE_PID" 2>/dev/null
    wait "$BARE_PID" 2>/dev/null
}
no_harm_shown() { # no_harm_shown SENTENCE REASON
    [ "$SLOW" = 1 ] || return 0
    skip "$1" "$2"
}

# --- the nameserver, with a held bind
# shellcheck disable=SC2120
start_attacked() { # start_attacked [OPTION...]: a warm nameserver whose rates do not hide what the datagrams do
    start_nameserver --log-level=info "${UNRATED[@]}" "$@" || {
        not_ok "the nameserver starts" "$WORK/nameserver.err"
        finish
    }
    start held "$CURL" -s "udt://$NS/bind?host_id=held"
    await_line "$WORK/nameserver.err" 'event=bound .*name=held' >/dev/null || not_ok "a name is held" "$WORK/held.err"
    for _ in 1 2 3; do timeout 60 "$THROW" half_open "$NS" >/dev/null; done
    RSS_START_KB=$(value_kb "$NS_PID" VmRSS)
}
start_control() { # a nameserver that nobody attacks: what slows both down is this machine
    start control "$B/hx-nameserver" --listen 127.0.0.1:0 "${UNRATED[@]}"
    CONTROL=$(await_line "$WORK/control.out" 'listening on') || return 1
    CONTROL=$(sed -E 's/.*listening on ([^ "]+).*/\1/' <<<"$CONTROL")
}
# honest_requests: a dozen, one after the other, each beside one to the nameserver that nobody attacks. None fails, and the
# slowest is no more than LIMIT_MS slower than the slowest there. Where nothing but the time was wrong, they may try twice
# more.
honest_requests() {
    local ms slowest control
    for _ in 1 2 3; do
        slowest=0 control=0
        for _ in {1..12}; do
            ms=$(get_ms "$NS") || { echo "an honest request fails" && return 1; }
            [ "$ms" -le "$slowest" ] || slowest=$ms
            ms=$(get_ms "$CONTROL") || { echo "a request to the other nameserver fails" && return 1; }
            [ "$ms" -le "$control" ] || control=$ms
        done
        echo "the slowest took $slowest ms, without an attack $control" | tee "$WORK/slowest"
        [ "$slowest" -gt $((control + LIMIT_MS)) ] || return 0
    done
    return 1
}
within() { # within BEFORE_KB: the nameserver's memory is back there, or where it was once warm
    local limit=$1 slack
    [ "$limit" -ge "${RSS_START_KB:-0}" ] || limit=$RSS_START_KB
    slack=$((limit / 50))
    [ "$slack" -ge "$MEMORY_KB" ] || slack=$MEMORY_KB
    [ "$(value_kb "$NS_PID" VmRSS)" -le $((limit + slack)) ]
}
await_calm() { # await_calm BEFORE_KB: at most MEMORY_S; a sanitizer keeps freed memory, so there it is not asked
    [ "$SLOW" = 1 ] || return 0
    await_true "$MEMORY_S" within "$1" || { echo "memory: from $1 to $(value_kb "$NS_PID" VmRSS) KB" && return 1; }
}
served() { # served WHEN: an honest request, in time: the fastest of three, as others want a processor, too
    local ms
    for _ in 1 2 3; do
        ms=$(get_ms "$NS") || { echo "$1: an honest request fails" && return 1; }
        [ "$ms" -gt "$GET_MS" ] || return 0
    done
    echo "$1: an honest request takes $ms ms"
    return 1
}
introduced() { # introduced WHEN: the held bind is told of a newcomer
    local name=visitor$ROWS-$1 pid rc
    start visitor "$CURL" -s "udt://$NS/connect?host_id=held&name=$name"
    pid=$PID
    await_line "$WORK/held.out" "^$name: " >/dev/null
    rc=$?
    kill "$pid" 2>/dev/null
    wait "$pid" 2>/dev/null
    [ "$rc" = 0 ] || { echo "$1: the held bind is not told of a connect" && return 1; }
}
attack() { # attack CASE [OPTION...]: thrown again and again while honest clients come; what the first time saw stays
    local before case=$1 throw_pid bad=0
    shift
    ROWS=$((ROWS + 1))
    before=$(value_kb "$NS_PID" VmRSS)
    rm -f "$WORK/throw.out"
    served before || bad=1
    start throw "$THROW" --repeat "$@" "$case" "$NS"
    throw_pid=$PID
    await_line "$WORK/throw.out" '^thrown$' >/dev/null || { echo "it was not thrown" && bad=1; }
    served during || bad=1
    introduced during || bad=1
    kill "$throw_pid"
    await_exit "$throw_pid" || { echo "the attacker ended with $?" && bad=1; }
    served after || bad=1
    [ -d "/proc/$NS_PID" ] || { echo "the nameserver's process has gone" && bad=1; }
    await_calm "$before" || bad=1
    return $bad
}
unharmed() { # unharmed SENTENCE CASE [REGEX]: REGEX: what the attacker must see of the nameserver
    attack "$2" >"$WORK/attack.out"
    local rc=$?
    harm_done
    if [ $rc = 0 ] && { [ -z "${3:-}" ] || grep -qE -- "$3" "$WORK/throw.out"; }; then ok "$1"; else
        tail -n 8 "$WORK/nameserver.err" >"$WORK/log.end"
        sort "$WORK/throw.out" | uniq -c >"$WORK/throw.seen"
        not_ok "$1" "$WORK/attack.out" "$WORK/throw.seen" "$WORK/log.end"
    fi
}
end_attacked() { # the same process, no reports, memory as at the start
    check "after all rows the held bind is told of a connect" introduced after
    check "the nameserver's memory is back where it was before all rows" await_calm "$RSS_START_KB"
    check "the held bind is held by the same connection" [ "$(grep -c 'event=bound .*name=held' "$WORK/nameserver.err")" = 1 ]
    kill "$NS_PID"
    await_exit "$NS_PID"
    check "the process that was started ends in order" [ $? = 0 ]
    check "and no sanitizer has reported" [ -z "$(grep -E 'Sanitizer|runtime error' "$WORK/nameserver.err")" ]
}
