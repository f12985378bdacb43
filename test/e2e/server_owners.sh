#!/usr/bin/env bash
# Whose a name is outlives the nameserver, and the rules are read again while it serves: who may, and who may not any more.
# shellcheck disable=SC2154
. "$(dirname "$0")/../lib.sh"
export PYTHONDONTWRITEBYTECODE=1

LOG=$WORK/nameserver.err
DB=$WORK/owners.db
RULES=$WORK/rules
coproc BINDER { exec python3 "$TOP/test/auth/bind.py" 2>"$WORK/binder.err"; } # one for all: it takes longer to begin than to bind
STARTED+=("$BINDER_PID")
ask_binder() { # ask_binder WORD...: prints its answer
    local line=''
    echo "$@" >&"${BINDER[1]}"
    read -rt 60 -u "${BINDER[0]}" line && echo "$line"
}
binds() { # binds DEVICE NAME STATUS: with that device's key
    ask_binder "tcp:$TCP" "$1" "$2" >"$WORK/status" && [ "$(<"$WORK/status")" = "$3" ]
}
hold() { # hold OUTPUT DEVICE NAME: until the nameserver ends it
    start "$1" python3 "$TOP/test/auth/bind.py" --hold "tcp:$TCP" "$2" "$3"
    await_line "$WORK/$1.out" 200 >/dev/null
}
begin() { start_nameserver_tcp --max-per-address 0 --rate-per-address 0 --claims-per-source 0 "$@"; }
owners() { "$B/hx-nameserver" --auth-db "$DB" --owners; }
says() { # says STATUS REGEX COMMAND...: it ends so, and says so on standard error
    "${@:3}" >"$WORK/said.out" 2>"$WORK/said.err"
    [ $? = "$1" ] && grep -Eq -- "$2" "$WORK/said.err"
}

check "owners need a database" says 2 'give one with --auth-db' "$B/hx-nameserver" --listen 127.0.0.1:0 --auth tofu
begin --auth tofu --auth-db "$DB" || {
    not_ok "the nameserver starts" "$LOG"
    finish
}
check "who binds a name first owns it" binds one alice 200
check "nobody else binds it then" binds two alice 403
check "the database is its user's alone" [ "$(stat -c %a "$DB")" = 600 ]
kill -KILL "$NS_PID"
wait "$NS_PID" 2>/dev/null
begin --auth tofu --auth-db "$DB"
check "nor after a restart of a nameserver that was killed" binds two alice 403
check "but its owner does" binds one alice 200
owners >"$WORK/list"
check "--owners tells whose it is, and since when" grep -Exq \
    'alice ed25519:[A-Za-z0-9_-]{43} 20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:]{8}Z' "$WORK/list"
check "--forget wants a name that is owned" says 1 "nobody owns 'nobody'" "$B/hx-nameserver" --auth-db "$DB" --forget nobody
check "--forget, while it serves" "$B/hx-nameserver" --auth-db "$DB" --forget alice
check "and then the next one who binds it owns it" await_true 30 binds two alice 200
check "and nobody else" binds one alice 403
kill -KILL "$(pgrep -P "$NS_PID" -x hx-store)"
await_line "$LOG" event=store_died >/dev/null
check "without the store what is owned is owned" binds two alice 200
check "and nothing more is: 503" binds one bob 503
stop_nameserver

# A database that cannot be used.
python3 -c 'import sqlite3, sys
db = sqlite3.connect(sys.argv[1]); db.execute("PRAGMA user_version = 2"); db.commit()' "$DB"
check "a later version's database is told from ours" says 1 'of version 2, this program knows 1' owners
echo "this is no database, and is long enough to be looked at as one: $(printf '%600s' x)" >"$WORK/foreign.db"
check "and another file, too" says 1 'file is not a database' "$B/hx-nameserver" --auth-db "$WORK/foreign.db" --owners
check "which --owners does not make" says 1 'unable to open' "$B/hx-nameserver" --auth-db "$WORK/none.db" --owners
echo "open bind any" >"$RULES"
begin --auth "$RULES" --auth tofu --auth-db "$WORK/foreign.db"
check "with such a file it starts, and says what is wrong" grep -q 'event=store_trouble what=owners .*file is not a database' "$LOG"
check "names cannot be claimed: 503" binds one alice 503
check "and those of the rules are as ever" [ "$(curl -s -o /dev/null -w '%{http_code}' --max-time 20 -I "http://$TCP/bind?host_id=open")" = 200 ]
check "that file is untouched" grep -q '^this is no database' "$WORK/foreign.db"
stop_nameserver

# Rules that change.
ask_binder key one two >"$WORK/keys" && read -r ONE TWO <"$WORK/keys"
printf '%s\n' "home bind $ONE" "desk bind $TWO" >"$RULES"
begin --auth "$RULES"
hold home one home
hold desk two desk
printf '%s\n' "home bind $TWO" "desk bind $TWO" >"$RULES.new"
mv "$RULES.new" "$RULES"
check "rules that get another file are read by themselves" await_line "$LOG" 'event=reloaded changed=nothing rules=2'
check "who may not any more is ended" await_line "$WORK/home.out" ended
check "which is told" await_line "$LOG" 'event=left .* name=home .*reason="may not any more"'
check "who may binds it now" binds two home 200
still_holds() { ! grep -q ended "$WORK/desk.out"; }
check "and who still may goes on" still_holds
printf '%s\n' "home bind $ONE" "desk sing $ONE" >"$RULES"
check "a line that is wrong is told of by its number" await_line "$LOG" "event=not_reloaded reason=\"$RULES:2: "
check "and changes nothing" binds two home 200
printf '%s\n' "home bind $ONE" >"$RULES"
await_line "$LOG" 'event=reloaded .*rules=1' >/dev/null
check "put right it counts, at once" binds one home 200
check "and the other one has lost its name" await_line "$WORK/desk.out" ended
stop_nameserver
finish
