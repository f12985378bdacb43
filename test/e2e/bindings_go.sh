#!/usr/bin/env bash
# The Go package: its own tests, beside a nameserver and against the C tools; its example; and that it serves a module of
# somebody else.
# shellcheck source=test/lib.sh disable=SC2119
. "$(dirname "$0")/../lib.sh"

GO=$TOP/test/go.sh
export HX_PROGRAMS=$B LD_LIBRARY_PATH=$B HX_EXAMPLES=$WORK
check "Go: the examples are built" "$GO" build -o "$WORK" ./examples/...
if ! "$GO" test -vet=off -c -o "$WORK/tests" . >"$WORK/build.err" 2>&1; then
    not_ok "the tests are built" "$WORK/build.err"
    finish
fi
"$WORK/tests" -test.v -test.timeout 300s >"$WORK/tests.out" 2>&1
status=$?
while read -r result name; do # each test that is in another one: "    --- PASS: TestClose/a_sentence (0.01s)"
    name=${name#*/}
    name="Go: ${name//_/ }"
    if [ "$result" = PASS ]; then ok "$name"; else not_ok "$name"; fi
done < <(sed -nE 's/^ +--- (PASS|FAIL): (Test.*) \([0-9.]+s\)$/\1 \2/p' "$WORK/tests.out")
if [ "$status" = 0 ]; then ok "all tests of the package end well"; else not_ok "all tests of the package end well" "$WORK/tests.out"; fi

start_nameserver_with_key
mkdir "$WORK/theirs"
cat >"$WORK/theirs/go.mod" <<EOF
module example.org/theirs

go 1.19

require hx v0.0.0

replace hx => $TOP/bindings/go
EOF
cp "$TOP/bindings/go/examples/echo/main.go" "$WORK/theirs"
check "a module of somebody else uses the package" env MODULE="$WORK/theirs" "$GO" build -o "$WORK/theirs/echo" .
start serve "$WORK/theirs/echo" listen gopher
await_line "$WORK/serve.out" '^listening as gopher$' >/dev/null
check "the example asks the example" [ "$(timeout 60 "$WORK/echo" connect gopher hello)" = hello ]
check "which says who came, and by which path" await_line "$WORK/serve.out" '^came: "" at [^ ]+:[0-9]+ [a-z0-9]+$'
head -c 3000000 /dev/urandom >"$WORK/question"
timeout 60 "$WORK/echo" connect gopher <"$WORK/question" >"$WORK/answer"
check "it passes standard input, and ends well" [ "$?" = 0 ]
check "byte by byte" same "$WORK/question" "$WORK/answer"
check "it says what is wrong, and what to do" ended 5000 1 '^hx: dial "nobody": nobody holds that name: start the listener' \
    "$WORK/echo" connect nobody hello
kill -INT "$PID"
await_exit "$PID"
check "SIGINT ends the listener well" [ "$?" = 0 ]
finish
