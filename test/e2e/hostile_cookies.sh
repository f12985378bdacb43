#!/usr/bin/env bash
# S23: UDT's own cookie is an MD5 sum of host, port and the server's age in minutes; the nameserver's has a secret.
# shellcheck source=test/hostile/lib.sh disable=SC2154
. "$(dirname "$0")/../hostile/lib.sh"

FROM=127.0.0.2
PORT=$((20000 + RANDOM % 10000)) # below the ports that the system gives away

public_cookie() { # public_cookie HOST MINUTE: as on the wire; UDT takes the sum's first four bytes as a little-endian word
    local sum
    sum=$(printf '%s:%s:%s' "$1" "$PORT" "$2" | md5sum)
    echo "${sum:6:2}${sum:4:2}${sum:2:2}${sum:0:2}"
}
conclude() { # conclude COOKIE ADDRESS: what the attacker sees
    "$THROW" --from "$FROM:$PORT" --cookie "$1" guessed_cookie "$2"
}
refused_whatever() { # every form of the address that UDT may print, every minute that it may count
    local host minute
    for host in $FROM ::ffff:$FROM ::ffff:7f00:2; do
        for minute in 0 1; do
            conclude "$(public_cookie "$host" "$minute")" "$NS"
        done
    done >"$WORK/conclusions"
    [ "$(grep -cx 'not accepted' "$WORK/conclusions")" = 6 ] || { cat "$WORK/conclusions" && return 1; }
}
cookie_of() { # cookie_of ADDRESS
    "$THROW" --from "$FROM:$PORT" show_cookie "$1" | sed -n 's/^cookie //p'
}

if [ "$SLOW" = 1 ]; then
    start_bare
    conclude "$(public_cookie $FROM 0)" "$BARE" >"$WORK/conclusion"
    check "S23: a bare server takes a session with a cookie that it was never asked for" grep -qx 'accepted without a cookie asked for' "$WORK/conclusion"
    check "S23: because its cookie is known to everybody" [ "$(cookie_of "$BARE")" = "$(public_cookie $FROM 0)" ]
    end_bare
fi
start_attacked
check "S23: the nameserver refuses UDT's public cookie" refused_whatever
unharmed "S23: and serves others meanwhile" guessed_cookie '^not accepted'
unharmed "S23: a cookie is worth something at the port it was answered to only" borrowed_cookie '^not accepted'
check "S23: where it is" grep -qx 'its owner is accepted' "$WORK/throw.out"
FIRST=$(cookie_of "$NS")
check "S23: the same port gets the same cookie again, without a state" [ "$(cookie_of "$NS")" = "$FIRST" ]
end_attacked
start_attacked
check "S23: another start has another secret" [ "$(cookie_of "$NS")" != "$FIRST" ]
end_attacked
finish
