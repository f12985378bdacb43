#!/usr/bin/env bash
# hx meet: who meets is connected to each other one, hears all that is said from then on, and knows who is missing.
# shellcheck source=test/lib.sh disable=SC2119,SC2317
. "$(dirname "$0")/../lib.sh"

HX=$B/hx
start_nameserver_with_key
cd "$WORK" || exit 1
declare -A PIDS INPUTS

# Whoever has the pipe of a member keeps its input from ending.
without_inputs() {
    local fd
    for fd in "${INPUTS[@]}"; do exec {fd}>&-; done
    exec "$@"
}
# meets NAME SESSION N [OPTION...]: begins; its standard input is the file NAME.in, or a pipe for `tell`.
meets() {
    local name=$1
    [ -e "$name.in" ] || { mkfifo "$name.in" && exec {fd}<>"$name.in" && INPUTS[$name]=$fd; }
    # shellcheck disable=SC2016 # the inner shell's
    start "$name" without_inputs timeout 60 sh -c 'in=$1; shift; exec "$@" <"$in"' sh "$name.in" \
        "$HX" meet "$2" --expect "$3" --name "$name" -v "${@:4}"
    PIDS[$name]=$PID
}
tell() { printf '%s\n' "${*:2}" >&"${INPUTS[$1]}"; } # tell NAME LINE
hush() { # hush NAME: the end of its input
    local fd=${INPUTS[$1]}
    exec {fd}>&-
    unset "INPUTS[$1]"
}
hears() { await_line "$1.out" "^$2\$" >/dev/null; } # hears NAME REGEX
says() { await_line "$1.err" "$2" >/dev/null; }    # says NAME REGEX: on standard error
ends() {                                           # ends STATUS NAME...: all of them do
    local name rc
    for name in "${@:2}"; do
        await_exit "${PIDS[$name]}"
        rc=$?
        [ "$rc" = "$1" ] || { echo "$name: status $rc" && cat "$name.err" && return 1; }
    done
}
fresh() { rm -f ./*.in; }
# each_heard NAME...: every line of every other one, in order, and nothing else
each_heard() {
    local a b
    for a; do
        for b; do
            [ "$a" = "$b" ] || diff "$b.in" <(sed -n "s/^$b: //p" "$a.out") || return
        done
        [ "$(wc -l <"$a.out")" = $(($(cat "${@/%/.in}" | wc -l) - $(wc -l <"$a.in"))) ] || return
    done
}
# objects FILE EXPRESSION: true of the list of objects that its lines are
objects() {
    python3 -c "import json, sys
o = [json.loads(l) for l in open(sys.argv[1])]; e = [x['event'] for x in o]
sys.exit(not ($2))" "$1"
}

for name in alice bob carol; do printf 'hello from %s\n\nthe last line of %s\n' $name $name >$name.in; done
for name in alice bob carol; do meets $name trio 3; done
check "three meet, and end when all have ended" ends 0 alice bob carol
check "each has heard each, whole and in order" each_heard alice bob carol
check "who comes and how many are there is said" grep -Eq '^(bob|carol) (is here|has come), at .* \(3 of 3\)$' alice.err
check "by which path they are connected, too" grep -Eq '^connected to bob: (lan|direct|ipv6), at ' alice.err
check "and that all have met" grep -qx '3 of 3 have met' carol.err

fresh
for name in a b c d e; do
    seq -f "$name %g of many lines, which are not all as short as this one: $RANDOM" 4000 >$name.in
    meets $name five 5
done
check "five say much at once" ends 0 a b c d e
check "and hear everything" each_heard a b c d e

# Two who talk; a third one comes, goes, and comes again.
fresh
meets alice talk 2
meets bob talk 2
says alice '^2 of 2 have met' && says bob '^2 of 2 have met'
tell alice "before carol"
check "what is typed is heard at once" hears bob 'alice: before carol'
meets carol talk 2
check "a late joiner is told of" says alice '^carol has come, at .* \(3\)$'
check "and connected" says alice '^connected to carol: '
check "as it sees it, too" eval "says carol '^(2 of 2|3) have met\$' && says carol '^connected to alice: ' &&
    says carol '^connected to bob: '"
tell alice "to both"
check "it hears what is said from then on" hears carol 'alice: to both'
check "and nothing of before" eval '! grep -q before carol.out'
tell carol "from carol"
check "the others hear it" hears bob 'carol: from carol'
kill -INT "$(pgrep -P "${PIDS[carol]}")"
check "who is interrupted ends at once" ends 130 carol
check "which the others are told" says alice '^hx: lost carol: '
meets carol talk 2
check "and may come again" says carol '^connected to bob: '
tell bob "once more"
check "to hear what is said then" hears carol 'bob: once more'
meets alice2 talk 2 --name alice
check "a name that a living member has is not given away" ends 1 alice2
check "which says what to do" grep -q "member alice who is alive: choose another --name" alice2.err
for name in alice bob carol; do hush $name; done
check "a member that was lost is a failure of those who have lost it" ends 1 alice bob
check "and of nobody else" ends 0 carol

# Who is not there, or has another key.
fresh
"$HX" key --file wrong >key.out
touch dave.in mallory.in frank.in
echo "from erin" >erin.in
meets dave short 3 --timeout 8 --go-short --json
meets erin short 3 --timeout 8 --go-short
HX_KEY=$(sed -n 's/^\([A-Z0-9].*\)$/\1/p' wrong) meets mallory short 3 --timeout 10
meets frank alone 2 --timeout 1
check "who is alone when the time is over is told who is missing" ends 1 frank
check "and what to do" grep -q "^hx: 'alone' has 1 of 2 members after 1 s, 1 has not come: .*--go-short" frank.err
check "with --go-short those who have met go on" ends 0 dave erin
check "and say so" grep -qx '3 of 3 are here, going on with 1 connected' erin.err
check "who has another key is not connected" ends 1 mallory
refusals() { grep -c '^hx: .* is not connected: it does not have our key' "$1"; } # refusals FILE
check "as both sides say, once for each" [ "$(refusals erin.err) $(refusals mallory.err)" = "1 2" ]
check "and it has heard nothing" [ ! -s mallory.out ]
check "--json: each line is an object" objects dave.out \
    '"joined" in e and "failed" in e and e.count("connected") == 1 and e.index("short") > e.index("connected")
     and e[-1] in ("done", "left")'
check "with what was said" objects dave.out \
    '[(x["name"], x["text"]) for x in o if x["event"] == "line"] == [("erin", "from erin")]'

# Commands.
fresh
: >carol.in
printf 'a\nb\n' >alice.in
meets alice run 2
# shellcheck disable=SC2016 # the command's
meets bob run 2 --exec 'echo "for $HX_PEER_NAME"; exec tr a-z A-Z'
check "--exec: a command is at the other end" ends 0 alice bob
check "whose name it knows" diff <(printf 'bob: %s\n' "for alice" A B) alice.out
meets alice run2 3
meets bob run2 3 --exec 'echo bye; exit 7'
meets carol run2 3
check "a command that fails is a failure of who runs it" ends 1 bob
check "which is told" grep -q '^hx: the command for carol ended with status 7$' bob.err
check "the others have all that it has said" ends 0 alice carol
check "as it was said" grep -qx 'bob: bye' carol.out

# What a hostile member says, to a terminal.
fresh
printf '\033]0;evil\007\033[2J\rbob: I am bob\n\377end' >mallory.in
: >tty.in
meets mallory tty 2
start tty env LC_ALL=C.UTF-8 timeout 60 script -qefc "$HX meet tty --expect 2 --name tty </dev/null" /dev/null
check "on a terminal" await_exit "$PID"
check "it obeys nothing" eval '! grep -q $'"'\\033'"' tty.out'
check "all that was said is shown" grep -qF 'mallory: \033]0;evil\a\033[2J\rbob: I am bob' tty.out
check "the last line, too" grep -qF 'mallory: \377end' tty.out
after_the_last() { sed -n '/^mallory: .*end/,$p' tty.out | grep -q '^mallory has said all'; }
check "before it is said that there is no more" after_the_last
finish
