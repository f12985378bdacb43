#!/usr/bin/env bash
# Members of a session, by hand: what GET /join tells whom, and what it costs S. The stories are in
# test/group/at_nameserver.py.
# shellcheck source=test/lib.sh
. "$(dirname "$0")/../lib.sh"
export WORK UDTCURL=$B/udtcurl PYTHONDONTWRITEBYTECODE=1
# It is the nameserver that is looked at: 64 members need not be slow, too.
[ "$SLOW" = 1 ] || export SANITIZED=yes UDTCURL=$TOP/build/release/udtcurl
python3 "$TOP/test/group/at_nameserver.py" "$B/hx-nameserver" "$@"
