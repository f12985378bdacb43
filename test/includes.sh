#!/usr/bin/env bash
# test/includes.sh: includes point one way (README, "The rooms"), and time is base/clock.h's. Prints every line that
# points the other way, or asks the wall clock.
cd "$(dirname "$0")/.." || exit 1

# may ROOM REGEX: the rooms that files of ROOM include, and no others. A room of client/ is not in "client".
may() {
    grep -HnE '#include "' "$1"/*.[ch]* | grep -vE "#include \"($2)/[a-z0-9_]+\.h\"" |
        grep -vE '#include "test/' # the bench and the tests have fixtures of their own
}
# only LIBRARY REGEX: who may include it
only() { git grep -nE "#include <$1" -- '*.c' '*.h' '*.cc' | grep -vE "^($2|test/)"; }
{
    may base 'base'
    may proto 'base|proto'
    [ ! -d shim/net ] || may shim/net 'base|proto|shim|shim/net'
    may shim 'base|shim'
    may shim/udt 'base|proto|shim|shim/net|shim/udt'
    may secure 'base|secure'
    may server 'base|proto|shim|shim/net|shim/udt|secure|server' | grep -vE '^server/(main|service)\.c:.*"server/admin/admin\.h"'
    may server/admin 'base|proto|shim/net|secure|server|server/admin'
    may client 'base|proto|shim|shim/net|shim/udt|secure|client'
    may client/mux 'base|client/mux' | grep -v 'mux/link\.[ch].*"client/hx\.h"'
    may client/forward 'base|proto|client|client/mux|client/forward'
    may client/run 'base|client/mux|client/run'
    may client/files 'base|secure|client/mux|client/files'
    may client/tool 'base|proto|secure|client|client/(mux|forward|files|run|tool)'
    grep -HnE '#include "client/' client/{forward,files,run,tool}/*.[ch] | grep -vE '"client/(hx\.h|[a-z]+/)'
    grep -HnE '#include "(server|secure|client)/' test/udtcurl/*.[ch] | grep -v '"secure/identity\.h"'
    grep -HnE '#include "' bindings/node/src/*.[ch] | grep -v '"addon\.h"'
    only udt/ shim/udt/
    only openssl/ secure/
    only nghttp2/ client/mux/
    only microhttpd server/admin/
    only sodium.h secure/identity_verify
    only sqlite3.h server/store_owners
    only uthash.h base/keyed_table.h
    git grep -nE '\<(CLOCK_REALTIME|ev_now|ev_time|ev_periodic|time\(NULL)\>' -- base proto shim secure server client |
        grep -vE '^(base/clock\.[ch]|server/log\.c|server/transcripts\.c|client/files/share_items\.c):'
} | if grep .; then exit 1; fi
