#!/usr/bin/env bash
# shellcheck disable=SC2046 # lists of file names without blanks
# test/check.sh: what `make check` runs. Every suite prints TAP; the last line counts all of them.
# `test/check.sh SUITE...` runs some: build lint unit asan tsan fuzz e2e natlab bench.
set -u
cd "$(dirname "$0")/.." || exit 1
LOGS=build/check
COUNTS=$LOGS/counts # "passed failed skipped", a line for every tap
SAN="-fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=undefined"
# The library frees some objects as another type than it made them (UDT4.md): not ours to judge.
export ASAN_OPTIONS="new_delete_type_mismatch=0:detect_leaks=1"
export LSAN_OPTIONS="suppressions=$PWD/test/lsan.supp:print_suppressions=0"
export TSAN_OPTIONS="suppressions=$PWD/test/tsan.supp:halt_on_error=0:exitcode=66"
export UBSAN_OPTIONS=print_stacktrace=1
export CMOCKA_MESSAGE_OUTPUT=TAP
mkdir -p "$LOGS"
: >"$COUNTS"

# tap NAME SECONDS COMMAND...: runs it, counts its lines. A failure without a "not ok" (a crash, a timeout, no test at
# all) counts as one.
tap() {
    local name=$1 seconds=$2 log ok bad skip rc start=$SECONDS
    shift 2
    log=$LOGS/${name//[^a-zA-Z0-9_]/-}.log
    timeout --kill-after=10 "$seconds" "$@" >"$log" 2>&1
    rc=$?
    skip=$(grep -cE '^(not )?ok .*# SKIP' "$log") # cmocka says "not ok 7 # SKIP name"
    ok=$(grep -E '^ok ' "$log" | grep -cv '# SKIP')
    bad=$(grep -E '^not ok ' "$log" | grep -cv '# SKIP')
    if [ "$rc" != 0 ] && [ "$bad" = 0 ]; then
        bad=1
        echo "not ok - $name ended with status $rc" >>"$log"
    elif [ "$((ok + bad + skip))" = 0 ]; then
        bad=1
        echo "not ok - $name ran no test" >>"$log"
    fi
    echo "$ok $bad $skip" >>"$COUNTS"
    printf '%-44s %4d passed %3d failed %3d skipped %4d s\n' "$name" "$ok" "$bad" "$skip" $((SECONDS - start))
    grep -hE '^(not )?ok .*# SKIP' "$log" | sed -E 's/^(not )?ok [0-9]+( -)? /    skipped: /; s/ ?# SKIP / -- /' | head -n 5
    if [ "$bad" != 0 ]; then
        grep -hE '^not ok ' "$log" | grep -v '# SKIP' | sed 's/^/    /'
        echo "    --- the end of $log"
        tail -n 40 "$log" | sed 's/^/    /'
    fi
}
# step SENTENCE COMMAND...: one test that passes if the command succeeds.
step() {
    local name=$1
    shift
    tap "$name" 900 bash -c '"$@" && echo "ok 1 - it does"' _ "$@"
}
each() { # each SUITE SECONDS FILE...: every file is a test program
    local suite=$1 seconds=$2 file
    shift 2
    for file in "$@"; do
        tap "$suite: $(basename "$file")" "$seconds" "$file"
    done
}
units() { # units B [PATTERN]: the unit tests built in B
    local f
    for f in test/unit/test_${2:-*}.c; do
        f=${f%.c}
        echo "$1/$f"
    done
}
built() { # built B VARIABLE=VALUE... TARGET...
    make --no-print-directory -s -j2 "$@"
}
export -f built

suite_build() {
    step "build: gcc, without a warning" built all unit tools bench-programs build/release/example \
        build/release/example-static
    step "build: clang, without a warning" built clang-warnings
    step "build: address and undefined behaviour sanitizers" built B=build/asan CFLAGS="-O1 -g $SAN" \
        LDFLAGS="-fsanitize=address,undefined" all unit tools
    step "build: thread sanitizer" built B=build/tsan CFLAGS="-O1 -g -fsanitize=thread" LDFLAGS=-fsanitize=thread all \
        unit tools
    step "build: fuzzers" built B=build/fuzz CC=clang CXX=clang++ \
        CFLAGS="-O1 -g -fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=undefined" \
        LDFLAGS="-fsanitize=address,undefined" fuzzers
}
suite_lint() {
    git ls-files '*.c' '*.cc' >"$LOGS/sources"
    step "lint: clang-format" clang-format --dry-run -Werror $(git ls-files '*.c' '*.h' '*.cc')
    step "lint: clang-tidy" xargs -P2 -n4 -a "$LOGS/sources" test/tidy.sh
    step "lint: cppcheck" cppcheck -q -j2 --enable=warning,performance,portability --error-exitcode=1 --inline-suppr \
        --suppressions-list=test/cppcheck.supp -I. -D_GNU_SOURCE -DHX_VERSION='""' base proto shim server secure client test
    step "lint: shellcheck" shellcheck $(git ls-files '*.sh' '*.bash' .ci/run test/natlab/run test/natlab/tools test/bench/run test/bench/bulk)
    step "lint: includes point one way" test/includes.sh
    step "lint: man pages" test/manpages.sh client/tool/hx.1 test/udtcurl/udtcurl.1 server/hx-nameserver.8
}
suite_unit() { each unit 120 $(units build/release); }
suite_e2e() { each e2e 240 test/e2e/{client,readme,server,stock,udtcurl}*.sh test/e2e/hygiene_{log,sandbox,service,user}.sh; }
suite_tools() {
    tap "natlab: tools" 300 test/natlab/tools
    each e2e 240 test/e2e/secure_*.sh
}
suite_hostile() { each hostile 240 test/e2e/hostile_*.sh; }
suite_soak() { tap "soak" 240 test/e2e/hygiene_soak.sh; }
suite_wire() { B=build/asan tap "fuzz: wire" 240 test/hostile/fuzz_wire.sh --seconds "${FUZZ_WIRE_SECONDS:-30}"; }
suite_natlab() {
    tap "natlab" 400 test/natlab/run
    tap "natlab: punches with loss" 200 test/natlab/punch_loss.sh 12
}
suite_asan() {
    each asan 180 $(units build/asan)
    B=build/asan each "asan e2e" 240 test/e2e/client_{names,pipe}.sh test/e2e/{server,udtcurl}_*.sh
}
suite_tsan() {
    each tsan 180 $(units build/tsan "udt*")
    B=build/tsan each "tsan e2e" 240 test/e2e/client_{names,pipe}.sh test/e2e/server_meeting.sh
}
suite_fuzz() {
    local f name
    for f in test/fuzz/fuzz_*.c; do
        name=$(basename "$f" .c)
        mkdir -p "build/fuzz/corpus/$name"
        step "fuzz: $name" "build/fuzz/test/fuzz/$name" -max_total_time="${FUZZ_SECONDS:-2}" -max_len=16384 -timeout=5 \
            -print_final_stats=0 -verbosity=0 "build/fuzz/corpus/$name" "test/fuzz/seeds/${name#fuzz_}"
    done
}
suite_bench() {
    step "bench: the short form works" test/bench/run --short
    step "bench: the short form of the bulk rows works" test/bench/bulk --short
}

# suite NAME: runs it, and says how long it took.
suite() {
    local start=$SECONDS
    "suite_$1"
    printf '== %-41s %51d s\n' "suite $1" $((SECONDS - start))
}
# First what needs the processor or a quiet machine, one after the other; then, side by side, what mostly waits.
everything() {
    suite build
    suite unit
    (suite natlab && suite hostile) &
    (suite e2e && suite soak && suite wire) &
    (suite asan && suite tsan) &
    (suite lint && suite tools && suite fuzz) &
    wait
    suite bench
}
if [ $# -gt 0 ]; then
    for name in "$@"; do
        suite "$name"
    done
else
    everything
fi
echo
awk '{ ok += $1; bad += $2; skip += $3 }
     END { printf "%d passed, %d failed%s\n", ok, bad, skip ? ", " skip " skipped" : ""; exit bad > 0 }' "$COUNTS"
