# shellcheck shell=bash
# test/bench/table.sh: what `make bench` prints: WHAT, MEASURED, the TARGET, and whether it was REACHED. Source it
# after lib.sh. MISSED counts; with SHORT set no number is judged.
SHORT=${SHORT-}
MISSED=${MISSED-0}
line() { printf '%-52s  %-58s  %-22s  %s\n' "$@"; }
part() { printf '\n%s\n' "$1"; }
row() { # row WHAT MEASURED
    line "$1" "$2" "" ""
}
judge() { # judge WHAT MEASURED TARGET NUMBER RELATION LIMIT [NUMBER RELATION LIMIT]...
    local what=$1 measured=$2 target=$3 verdict=yes
    shift 3
    while [ $# -ge 3 ]; do
        awk -v a="$1" -v b="$3" -v r="$2" 'BEGIN { exit !(a != "" && (r == ">=" ? a >= b : a <= b)) }' || verdict=NO
        shift 3
    done
    [ $verdict = yes ] || MISSED=$((MISSED + 1))
    [ -z "$SHORT" ] || verdict=ran
    line "$what" "$measured" "$target" "$verdict"
}
quotient() { awk -v a="$1" -v b="$2" 'BEGIN { printf "%.2f", b ? a / b : 0 }'; }
