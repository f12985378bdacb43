#!/usr/bin/env bash
# test/e2e/secure_cp_progress.sh: how far a copy is, on terminals and without one, for people and for programs; and how fast
# it may be.
# shellcheck source=test/lib.sh disable=SC2016 # what eval runs
. "$(dirname "$0")/../lib.sh"

start_nameserver_with_home
mkdir share here
start_bound home home --share "$WORK/share:rw" || exit 1
head -c 3000000 /dev/urandom >share/big
kind='(lan|direct|ipv6)' # of the path: which one is measured first is the machine's affair
line="^ *[0-9]+% +[0-9.]+ .?B +[-0-9.]+( .?B)?/s +[-0-9:]+  $kind  [a-z]+\$"
took() { # took MILLISECONDS COMMAND...: succeeds, and not before so long
    local begun least=$1
    begun=$(date +%s%3N)
    shift
    timeout 120 "$@" >took.out 2>took.err && [ $(($(date +%s%3N) - begun)) -ge "$least" ]
}

# --- how fast it may be: what has been earned in 100 ms may go at once
check "--bwlimit slows a download down" took 2700 "$B/hx" cp --bwlimit 1000KB home:big here/down
check "which arrives" same share/big here/down
check "and an upload" took 2700 "$B/hx" cp --bwlimit 1000KB here/down home:up
check "which arrives" same share/big share/up
mkdir many
split -n 300 here/down many/
check "and many small files together" took 2700 "$B/hx" cp --bwlimit 1MB many home:
check "which arrive" diff -r many share/many
check "a bare number is KiB a second" took 2600 "$B/hx" cp -q --bwlimit 1000 home:big here/kib
check "without it, or with 0, it is faster" eval 'took 0 "$B/hx" cp --bwlimit 0 home:big here/fast && same share/big here/fast'
check "what is no rate is refused" ended 5000 2 'bwlimit takes KiB/s' "$B/hx" cp --bwlimit fast home:big here
start send "$B/hx" send --bwlimit 1000KB share/big
code=$(await_line "$WORK/send.out" '^hx recv ') && code=${code#hx recv }
check "hx send has it, too" took 2700 "$B/hx" recv "$code" here -y
start send "$B/hx" send share/big
code=$(await_line "$WORK/send.out" '^hx recv ') && code=${code#hx recv }
check "and hx recv" took 2700 "$B/hx" recv --bwlimit 1000KB "$code" here/recv -y

# shellcheck disable=SC2016 # the inner shell's
start stream sh -c 'exec "$1" send - <share/big' - "$B/hx"
code=$(await_line "$WORK/stream.out" '^hx recv ') && code=${code#hx recv }
check "and a stream" took 2700 "$B/hx" recv --bwlimit 1000KB "$code" - -y
check "which is whole" same share/big took.out

# --- without a terminal
start asked "$B/hx" cp -q --bwlimit 300K home:big here/asked
await_part here 0
kill -USR1 "$PID"
check "SIGUSR1 shows at once how far it is, also with -q" await_line "$WORK/asked.err" "$line"
kill -USR1 "$PID"
check "and by which path" await_exit "$PID" 60
check "it goes on meanwhile" same share/big here/asked
check "nothing else is said" eval '! grep -Ev "$line" asked.err'
start plain "$B/hx" cp --bwlimit 240K home:big here/plain
await_exit "$PID" 60
check "every ten seconds there is a line, and one at the end" eval \
    '[ "$(grep -Ec "$line" plain.err)" = $(($(wc -l <plain.err) - 1)) ] && tail -n1 plain.err | grep -q "whole and verified" && grep -Eq "$line" plain.err'
check "none of them draws" eval '! grep -q "[[:cntrl:]]" plain.err'

# --- who sends
start sends "$B/hx" send -q --bwlimit 300K share/big
code=$(await_line "$WORK/sends.out" '^hx recv ') && code=${code#hx recv }
sends=$PID
kill -USR1 "$sends"
check "hx send says, too, that nobody has begun" await_line "$WORK/sends.err" '^nobody has begun to receive it$'
mkdir received
start receives "$B/hx" recv -q "$code" received -y
await_part received 0
until await_line "$WORK/sends.err" "^ *[0-9]+% .*/s +[-0-9:]+  $kind  share/big\$" 0.2 >/dev/null || ! kill -USR1 "$sends"; do :; done
check "and how far it is, by which path" grep -Eq "^ *[0-9]+% +[0-9.]+ .?B .*  $kind  share/big\$" sends.err
check "it goes on meanwhile" await_exit "$PID"
check "and arrives" same share/big received/big

# --- at a terminal
cat >steps <<'STEPS'
expect %[^\r]*/s
size 30x24
expect %[^\r]*/s
expect %[^\r]*/s
expect %[^\r]*/s
expect verified
status 0
STEPS
python3 "$TOP/test/terminal.py" 40x24 steps "$B/hx" cp --bwlimit 750K home:big here/narrow >narrow.out 2>narrow.err
check "at 40 columns a bar is drawn, and it follows the window" test $? = 0
widths() { # of what is drawn between two returns, but for what stays at the end
    tr '\r' '\n' <narrow.out | sed -e 's/\x1b\[K//g' | grep -a '/s ' | grep -av verified | awk '{ print length }' | sort -n
}
check "never as wide as the window" [ "$(widths | tail -n1)" -lt 40 ]
check "nor as the narrower one" [ "$(widths | head -n1)" -lt 30 ]
cat >steps <<'STEPS'
expect %[^\r]*/s[^\r]*  (lan|direct|ipv6)
expect received once
status 0
STEPS
start drawn python3 "$TOP/test/terminal.py" 80x24 steps sh -c "exec '$B/hx' send --bwlimit 1500K share/big >code"
player=$PID
code=$(await_line "$WORK/code" '^hx recv ') && code=${code#hx recv }
mkdir drawn
start receives "$B/hx" recv -q "$code" drawn -y
check "what is sent is drawn, too" await_exit "$player" 60
check "and arrives" same share/big drawn/big
finish
