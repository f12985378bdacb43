#!/bin/bash
# test/page/picture.sh FILE: the picture of the status page that README.md shows: eight hosts behind NATs of several
# kinds, who meet each other for two minutes.
# shellcheck disable=SC2119 # defaults are meant
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
# shellcheck source=test/natlab/lab.sh
. "$TOP/test/natlab/lab.sh"
# shellcheck source=test/natlab/programs.sh
. "$TOP/test/natlab/programs.sh"
FILE=$(realpath "$1")
KINDS=(port-restricted full-cone symmetric-random none masquerade port-restricted symmetric-random blocked)
NAMES=(greenhouse weather-mast ferry-7 office-printer garden-gate lab-balance buoy-north cellar)
SECONDS_LONG=${SECONDS_LONG:-125}

if [ "${HX_LAB:-}" != inside ]; then
    REFUSED=$(lab_refused)
    [ -z "$REFUSED" ] || { echo "$REFUSED" >&2 && exit 1; }
    lab_enter "$0" "$FILE"
fi
lab_begin && lab_up "${KINDS[@]}" && start_s "$LAB_NS" --listen-tcp "$LAB_NS" --relay --admin 127.0.0.1:7080 || exit 1
HX_KEY=$("$B/hx" key --file "$WORK/key" -q) && export HX_KEY HX_NAMESERVER=$LAB_NS
for n in "${!NAMES[@]}"; do lab_start "bind$n" "h$((n + 1))" "$B/hx" bind "${NAMES[n]}" --echo; done
lab_start old h6 "$B/udtcurl" -s -H 'Candidate: 192.0.2.99:9 host' "udt://$LAB_NS/bind?host_id=old-gateway"
NAMES+=(old-gateway) # it does not answer those who come
traffic() {
    local from to
    while true; do
        from=$((RANDOM % (${#KINDS[@]} - 1))) to=$((RANDOM % ${#NAMES[@]}))
        nap "0.$((RANDOM % 9 + 1))"
        [ "$from" != "$to" ] || continue
        lab_exec "h$((from + 1))" timeout 20 "$B/hx" ping "${NAMES[to]}" -c 1 --timeout 5 >/dev/null 2>&1 &
    done
}
traffic &
STARTED+=("$!")
nap "$SECONDS_LONG"
lab_exec s "$TOP/test/page/run" --picture "$FILE" http://127.0.0.1:7080/
