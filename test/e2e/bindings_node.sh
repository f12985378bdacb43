#!/usr/bin/env bash
# The Node package: its own tests, beside a nameserver and against the C tools; its example; and that it is what npm would pack.
# shellcheck disable=SC2016 # what is quoted is for node
# shellcheck source=test/lib.sh disable=SC2119
. "$(dirname "$0")/../lib.sh"

command -v node >/dev/null || {
    skip "the Node package" "there is no node: apt-get install nodejs"
    finish
}
export HX_PROGRAMS=$B LD_LIBRARY_PATH=$B NODE_PATH=$WORK/node_modules
# A copy, as npm would install it: nothing is written into the sources.
mkdir -p "$WORK/node_modules" && cp -r "$TOP/bindings/node" "$WORK/node_modules/hx"
cd "$WORK/node_modules/hx" || exit 1
export CFLAGS="-Werror -I$TOP/client" LDFLAGS="-L$B"
[ ! -e "$TOP/build/deb/usr/include/node" ] || export NODE_INCLUDE=$TOP/build/deb/usr/include/node
if ./build.sh >"$WORK/build.err" 2>&1; then
    ok "Node: the addon is built with Debian's headers alone, without a warning"
else
    not_ok "Node: the addon is built with Debian's headers alone, without a warning" "$WORK/build.err"
    finish
fi
for tests in streams peers groups; do
    timeout 300 node --test-reporter=tap "test/$tests.test.js" >"$WORK/$tests.tap" 2>"$WORK/$tests.err"
    status=$?
    while IFS= read -r line; do # those of the file itself
        name="Node: ${line#* - }"
        case $line in
        ok*) ok "$name" ;;
        *) not_ok "$name" ;;
        esac
    done < <(grep -E '^(not )?ok [0-9]+ - ' "$WORK/$tests.tap")
    if [ "$status" = 0 ]; then ok "Node: all of $tests end well"; else not_ok "Node: all of $tests end well" "$WORK/$tests."{err,tap}; fi
done
check "the file of types has what the package exports" node -e '
    const types = require("fs").readFileSync("index.d.ts", "utf8");
    for (const name of Object.keys(require("hx"))) {
        if (!new RegExp(`export (class|function|const) ${name}\\b`).test(types)) throw new Error(name);
    }'
check "it is imported by name, too" node --input-type=module -e '
    const { createRequire } = await import("node:module");
    const { listen, connect, HxError, version } = await import(createRequire(process.cwd() + "/x.js").resolve("hx"));
    if (![listen, connect, HxError].every((f) => typeof f === "function") || version !== "0.1.0") throw new Error(version);'
check "without libhx it says what to do" bash -c '! LD_LIBRARY_PATH= node -e "require(\"hx\")" 2>"$0" && grep -q "install hx" "$0"' \
    "$WORK/nolib.err"

start_nameserver_with_key
ECHO=$WORK/node_modules/hx/examples/echo.js
start serve node "$ECHO" listen nodus
await_line "$WORK/serve.out" '^listening as nodus$' >/dev/null
CFLAGS="$CFLAGS -DADDON_BITS=2" ./build.sh "$WORK/few.node"
check "Node: events come to whose they are, also after more workers than there are numbers for" \
    env HX_ADDON="$WORK/few.node" timeout 60 node -e '
    const { once } = require("node:events");
    const { Worker } = require("node:worker_threads");
    const { listen } = require("hx");
    const waits = `require("hx");
        const { parentPort } = require("node:worker_threads");
        parentPort.once("message", process.exit);
        parentPort.postMessage("it has the addon");`;
    (async () => {
        let before;
        for (let i = 0; i < 4; i++) { // at no time more than three environments
            const worker = new Worker(waits, { eval: true });
            await once(worker, "message");
            if (before) {
                before.postMessage(0);
                await once(before, "exit");
            }
            before = worker;
        }
        await new Promise((resolve) => { listen("workers", { onEvent: (told) => told.kind === "bound" && resolve() }); });
        process.exit(0);
    })();'
check "Node: the example asks the example" [ "$(timeout 60 node "$ECHO" connect nodus hello)" = hello ]
check "which says who came, and by which path" await_line "$WORK/serve.out" '^came: "" at [^ ]+:[0-9]+ [a-z0-9]+$'
head -c 3000000 /dev/urandom >"$WORK/question"
timeout 60 node "$ECHO" connect nodus <"$WORK/question" >"$WORK/answer"
check "it passes standard input, and ends well" [ "$?" = 0 ]
check "byte by byte" same "$WORK/question" "$WORK/answer"
check "it says what is wrong, and what to do" ended 5000 1 '^hx: connect "nobody": nobody holds that name .*start the listener' \
    node "$ECHO" connect nobody hello
kill -INT "$PID"
await_exit "$PID"
check "SIGINT ends the listener well" [ "$?" = 0 ]
finish
