#!/usr/bin/env bash
# shellcheck disable=SC2046 # lists of file names without blanks
# test/check.sh: what `make check` runs. Every program prints TAP; the last line counts all of them.
# `test/check.sh SUITE...` runs some: build lint unit asan tsan fuzz e2e tools hostile soak image page wire natlab bench.
# A suite only lists its programs. They run in two sets of lanes: most of the tests wait most of the time, so that
# several share a processor; what computes fills the rest of it. What needs only the release build does not wait for
# the others.
set -u
cd "$(dirname "$0")/.." || exit 1
LOGS=build/check
COUNTS=$LOGS/counts # "SUITE PASSED FAILED SKIPPED WALL_MS CPU_MS PROGRAM", a line for every program
WAIT_LANES=${WAIT_LANES:-8} WORK_LANES=${WORK_LANES:-3}
# The library frees some objects as another type than it made them (UDT4.md): not ours to judge.
# What was freed is kept aside until 64 MB were freed after it: those few tests that pass hundreds of megabytes would
# only turn memory over.
export ASAN_OPTIONS="new_delete_type_mismatch=0:detect_leaks=1:quarantine_size_mb=64"
export LSAN_OPTIONS="suppressions=$PWD/test/lsan.supp:print_suppressions=0"
# The library's races are known by their functions: the history must reach back to them.
export TSAN_OPTIONS="suppressions=$PWD/test/tsan.supp:halt_on_error=0:exitcode=66:history_size=7"
export UBSAN_OPTIONS=print_stacktrace=1
export CMOCKA_MESSAGE_OUTPUT=TAP
export LOGS COUNTS
mkdir -p "$LOGS"
: >"$COUNTS"
rm -f "$LOGS"/{*.awaited,nap}
mkfifo "$LOGS/nap" # nobody writes
# Where python3 is a script that looks for one, that takes a tenth of a second each time, and there are hundreds of times.
mkdir -p "$LOGS/bin"
ln -sf "$(python3 -c 'import os, sys; print(os.path.realpath(sys.executable))')" "$LOGS/bin/python3"
PATH=$PWD/$LOGS/bin:$PATH

# run_tap SUITE NAME SECONDS COMMAND...: runs it, counts its lines, tells them in one piece. A failure without a
# "not ok" (a crash, a timeout, no test at all) counts as one.
run_tap() {
    local suite=$1 name=$2 seconds=$3 log ok bad skip rc times wall cpu told
    shift 3
    log=$LOGS/${name//[^a-zA-Z0-9_]/-}.log
    case "$*" in
    *build/asan*) while [ -e "$LOGS/asan.awaited" ]; do read -rt 0.2 <>"$LOGS/nap"; done ;;
    *build/tsan*) while [ -e "$LOGS/tsan.awaited" ]; do read -rt 0.2 <>"$LOGS/nap"; done ;;
    esac
    TIMEFORMAT='%3R %3U %3S'
    times=$({ time timeout --kill-after=10 "$seconds" "$@" >"$log" 2>&1; } 2>&1)
    rc=$?
    if [ "$suite" = build ]; then
        rm -f "$LOGS/${*: -1}.awaited"
        # After the last of them it is tests that work waits for: one more at once.
        compgen -G "$LOGS/*.awaited" >/dev/null || kill -USR1 "$PPID"
    fi
    # There are hundreds of them: one more process here costs seconds of a processor.
    read -r ok bad skip wall cpu < <(awk -v times="$times" '
        /^(not )?ok .*# SKIP/ { skip++; next } # cmocka says "not ok 7 # SKIP name"
        /^ok / { ok++ }
        /^not ok / { bad++ }
        END { split(times, t); printf "%d %d %d %d %d\n", ok, bad, skip, t[1] * 1000, (t[2] + t[3]) * 1000 }' "$log")
    if [ "$rc" != 0 ] && [ "$bad" = 0 ]; then
        bad=1
        echo "not ok - $name ended with status $rc" >>"$log"
    elif [ "$((ok + bad + skip))" = 0 ]; then
        bad=1
        echo "not ok - $name ran no test" >>"$log"
    fi
    echo "$suite $ok $bad $skip $wall $cpu $name" >>"$COUNTS"
    printf -v told '%-44s %4d passed %3d failed %3d skipped %4d s, %3d of a processor' "$name" "$ok" "$bad" "$skip" \
        $(((wall + 500) / 1000)) $(((cpu + 500) / 1000))
    [ "$skip" = 0 ] || told+=$'\n'$(grep -hE '^(not )?ok .*# SKIP' "$log" |
        sed -E 's/^(not )?ok [0-9]+( -)? /    skipped: /; s/ ?# SKIP / -- /' | head -n 5)
    [ "$bad" = 0 ] || told+=$'\n'$(
        awk '/^(not )?ok / { shown = /^not/ && !/# SKIP/ } shown { print "    " $0 }' "$log" | head -n 60
        echo "    --- the end of $log"
        tail -n 40 "$log" | sed 's/^/    /'
    )
    if [ "$((bad + skip))" = 0 ]; then echo "$told"; else cat <<<"$told"; fi # several lines in one piece
}
# tap LANE NAME SECONDS COMMAND...: puts it into a lane's list: "wait" or "work". SECONDS are for one that does not end, on
# whatever machine.
tap() {
    printf '%q ' "$SUITE" "${@:2}" >>"$LOGS/$1.list"
    echo >>"$LOGS/$1.list"
}
# step SENTENCE COMMAND...: one test, work, that passes if the command succeeds.
step() {
    local name=$1
    shift
    tap work "$name" 900 bash -c '"$@" && echo "ok 1 - it does"' _ "$@"
}
# each LANE SUITE SECONDS B FILE...: every file is a test program
each() {
    local lane=$1 suite=$2 seconds=$3 B=$4 file
    shift 4
    for file in "$@"; do
        tap "$lane" "$suite: $(basename "$file")" "$seconds" env B="$B" "$file"
    done
}
units() { # units B [PATTERN]: the unit tests built in B; first those of UDT, as some of them wait for half a minute
    local f first=() rest=()
    for f in test/unit/test_${2:-*}.c; do
        f=$1/${f%.c}
        case $f in */test_udt*) first+=("$f") ;; *) rest+=("$f") ;; esac
    done
    printf '%s\n' "${first[@]}" "${rest[@]}"
}
export -f run_tap

MAKE=(make --no-print-directory -s)
suite_build() { # gcc, and clang with the fuzzers: both compilers see every source
    # Nobody looks at a debugger here: -g is a tenth of a build.
    step "build: gcc, without a warning" "${MAKE[@]}" -j3 CFLAGS=-O2 all unit tools bench-programs build/release/example \
        build/release/example-static
}
suite_builds() { # run_tap waits for what is awaited; one lane each, for tests that look at milliseconds run beside them
    SUITE=build
    touch "$LOGS"/{asan,tsan}.awaited
    step "build: clang, address and undefined behaviour sanitizers, fuzzers" "${MAKE[@]}" asan
    step "build: gcc, thread sanitizer" "${MAKE[@]}" tsan
}
suite_lint() {
    local part
    git ls-files '*.c' >"$LOGS/sources"
    split -n r/4 "$LOGS/sources" "$LOGS/sources."
    for part in a b c d; do
        step "lint: clang-tidy, part $part" xargs -a "$LOGS/sources.a$part" test/tidy.sh
    done
    step "lint: clang-tidy, C++" test/tidy.sh $(git ls-files '*.cc')
    # The unit tests are half of all there is for it, and run under the sanitizers, every line.
    step "lint: cppcheck" cppcheck -q -j2 --enable=warning,performance,portability --error-exitcode=1 --inline-suppr \
        --suppressions-list=test/cppcheck.supp -I. -D_GNU_SOURCE -DHX_VERSION='""' -itest/unit base proto shim server secure client bindings test
    step "lint: shellcheck" test/shellcheck.sh $(git ls-files '*.sh' '*.bash' .ci/run test/natlab/{run,tools,matrix} test/bench/{run,bulk,files,grid,python,capacity,auth} \
        packaging/debian/{*.{postinst,prerm,postrm},tests/{loopback,pkg-config}})
    step "lint: clang-format" clang-format --dry-run -Werror $(git ls-files '*.c' '*.h' '*.cc')
    # shellcheck disable=SC2016 # for the inner shell
    step "lint: gofmt" bash -c '[ -z "$(COMMAND=gofmt test/go.sh -l .)" ]'
    # It looks into all of Go's own packages that are used.
    [ -z "${ANALYZER_NODES:-}" ] || step "lint: go vet" test/go.sh vet ./...
    step "lint: includes point one way" test/includes.sh
    step "lint: Python" test/python_lint.sh
    step "lint: man pages" test/manpages.sh client/tool/man/*.1 test/udtcurl/udtcurl.1 server/hx-nameserver.8
}
suite_unit() { each wait unit 900 build/release $(units build/release); }
suite_e2e() {
    each wait e2e 900 build/release test/e2e/{bindings,client,packages,python,readme,server,stock,udtcurl}*.sh \
        test/e2e/hygiene_{log,sandbox,service,user}.sh
}
suite_tools() {
    tap wait "natlab: tools" 900 test/natlab/tools
    tap wait "natlab: through TCP" 900 test/natlab/tunnel.sh
    each wait e2e 900 build/release test/e2e/secure_*.sh
}
suite_hostile() { each wait hostile 900 build/release test/e2e/hostile_*.sh; }
suite_soak() { tap wait "soak" 900 test/e2e/hygiene_soak.sh; }
suite_image() {
    tap wait "image: the commands of compose.yaml" 900 test/image/commands.sh
    tap wait "image: the containers" 900 test/image/run.sh
}
suite_page() { tap wait "page: in Chromium" 900 test/page/run; }
suite_wire() { tap work "fuzz: wire" 900 env B=build/asan test/hostile/fuzz_wire.sh --seconds "${FUZZ_WIRE_SECONDS:-20}"; }
suite_natlab() {
    local group
    for group in matrix holes stories families uplinks nat kinds weather shared; do
        tap wait "natlab: $group" 900 test/natlab/run "$group"
    done
    tap wait "natlab: groups" 900 test/natlab/groups.sh
    tap wait "natlab: languages" 900 test/natlab/languages.sh
    tap wait "natlab: port mappings" 900 test/natlab/portmap.sh
    tap wait "natlab: diagnosis" 900 test/natlab/diagnosis.sh
    tap wait "natlab: datagrams" 900 test/natlab/udp.sh
    tap wait "natlab: datagrams over every path" 900 test/natlab/udp_paths.sh
    tap wait "natlab: path MTU" 900 test/natlab/mtu.sh
    tap wait "natlab: trees of small files" 900 test/natlab/files.sh
    tap wait "natlab: paths" 900 test/natlab/matrix --check --runs 3 'port-restricted x masquerade-closed' \
        'masquerade/masquerade x port-restricted' dual 'pool x port-range' \
        'box,mapping=ad,filtering=ad,ports=random x port-restricted' 'port-restricted x box,mapping=ad,filtering=ad,ports=sequential' \
        'box,mapping=ad,filtering=apd,ports=sequential x box,mapping=ad,filtering=apd,ports=sequential' \
        'carrier masquerade-closed box,mapping=apd,filtering=apd,ports=sequential,hairpin=yes' \
        'masquerade x box,mapping=ad,filtering=apd,ports=sequential' 'box,filtering=apd,first=drop x box,filtering=apd,first=drop' \
        'box,mapping=apd,filtering=apd,ports=random,block=256 x port-restricted'
    tap wait "natlab: paths, S has two addresses" 900 env MATRIX_ADDRESSES=2 test/natlab/matrix --check --runs 3 \
        'box,mapping=ad,filtering=apd,ports=sequential x box,mapping=ad,filtering=apd,ports=sequential' \
        'box,mapping=ad,filtering=apd,ports=sequential x symmetric-random'
    tap wait "natlab: relayed paths" 900 test/natlab/matrix --relay --check --runs 3 \
        'symmetric-random x symmetric-random' 'only-s x only-s' 'symmetric-random x port-restricted' \
        'port-restricted x blocked' 'blocked x port-restricted' 'blocked x blocked'
    tap wait "natlab: roaming" 900 test/natlab/roaming.sh dialogue relayed
    tap wait "natlab: relay" 900 test/natlab/relay.sh
    tap wait "natlab: punches with loss" 900 test/natlab/punch_loss.sh 12
    tap wait "natlab: round trips between the peers" 900 test/natlab/round_trips_peers.sh
    tap wait "natlab: challenges over a long way" 900 test/natlab/challenge.sh
    tap wait "natlab: holders over TCP" 900 test/natlab/tcp_holders.sh
    tap wait "natlab: round trips to the nameserver" 900 test/natlab/round_trips_nameserver.sh
}
suite_asan() {
    each work asan 900 build/asan $(units build/asan)
    each wait "asan e2e" 900 build/asan test/e2e/client_{names,pipe}.sh test/e2e/{server,udtcurl}_*.sh
}
suite_tsan() {
    # those in which threads meet: UDT's, the engine's, the application's (Makefile: TSAN_UNITS)
    each work tsan 900 build/tsan $(for u in udt 'udt_*' agent agent_relay client_paths; do units build/tsan "$u"; done)
    each wait "tsan e2e" 900 build/tsan test/e2e/client_{names,pipe,tcp}.sh test/e2e/server_meeting.sh
}
suite_fuzz() {
    local f name
    for f in test/fuzz/fuzz_*.c; do
        name=$(basename "$f" .c)
        mkdir -p "build/fuzz/corpus/$name"
        step "fuzz: $name" "build/asan/test/fuzz/$name" -max_total_time="${FUZZ_SECONDS:-1}" -max_len=16384 -timeout=5 \
            -runs=$((20000 * ${FUZZ_SECONDS:-1})) -print_final_stats=0 -verbosity=0 "build/fuzz/corpus/$name" "test/fuzz/seeds/${name#fuzz_}"
    done
}
suite_bench() {
    step "bench: the short form works" test/bench/run --short
    step "bench: the short form of the bulk rows works" test/bench/bulk --short
    step "bench: the short form of the rows of small files works" test/bench/files --short
    step "bench: the short form of the grid works" test/bench/grid --short
    tap work "bench: the short form of the rows of the Python package" 900 test/bench/python --short
    tap work "bench: the short form of the rows of proofs" 900 test/bench/auth --short
    tap work "bench: paths" 900 test/bench/path_truths.sh
    tap work "bench: the grid's picture" 900 test/bench/grid_truths.sh
}

lane() { # lane NAME COUNT: runs the list of that name, so many at once, in its order, and one more for each SIGUSR1
    [ -s "$LOGS/$1.list" ] || exit 0
    trap '' USR1 # until xargs has its own
    # shellcheck disable=SC2016 # for the inner shell
    exec xargs -d '\n' -n1 -P "$2" bash -c 'eval "run_tap $1"' _ <"$LOGS/$1.list"
}
# suites NAME...: lists the programs of all of them, then runs them. Once all that waits is done, some of its lanes go to
# what is left: sanitizers' tests, which wait, too.
suites() {
    local waiting working
    rm -f "$LOGS"/{wait,work}.list
    for SUITE in "$@"; do "suite_$SUITE"; done
    lane wait "$WAIT_LANES" &
    waiting=$!
    lane work "$WORK_LANES" &
    working=$!
    wait "$waiting"
    [ ! -s "$LOGS/wait.list" ] || for _ in {1..3}; do kill -USR1 "$working" 2>/dev/null; done
    wait
}
[ $# -gt 0 ] || set -- build tools natlab hostile soak image e2e lint bench wire tsan asan fuzz unit
if [ "$1" = build ]; then # before all that uses it
    suites build
    shift
    set -- builds "$@"
fi
[ $# = 0 ] || suites "$@"
echo
awk '{ if (!($1 in n)) order[++k] = $1; n[$1]++; wall[$1] += $5; cpu[$1] += $6; all += $6 }
     END { for (i = 1; i <= k; i++) { s = order[i]; printf "== suite %-9s %4d programs, %4d s one after the other, %4d s of a processor\n", \
           s, n[s], wall[s] / 1000, cpu[s] / 1000 } printf "== all took %d s, %d s of a processor\n", t, all / 1000 }' \
    t="$SECONDS" "$COUNTS"
awk '{ ok += $2; bad += $3; skip += $4 }
     END { printf "%d passed, %d failed%s\n", ok, bad, skip ? ", " skip " skipped" : ""; exit bad > 0 }' "$COUNTS"
