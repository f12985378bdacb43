#!/usr/bin/env bash
# Handshakes that end, bloat or open a bare UDT4 server, and leave hx-nameserver alone.
# shellcheck source=test/hostile/lib.sh disable=SC2154
. "$(dirname "$0")/../hostile/lib.sh"

start_attacked

harm "S1: a handshake with MSS 44 ends a bare server (SIGFPE)" dies FPE mss_44
unharmed "S1: a handshake with MSS 44 does not stop the nameserver" mss_44
harm "S2: an MSS that makes the payload negative, and a second handshake, end a bare server (SIGABRT)" dies ABRT mss_wrapped
unharmed "S2: an MSS that makes the payload negative does not stop the nameserver" mss_wrapped
harm "S3: an MSS of 91, and a second handshake, make a bare server send its heap" says 'leaked 48 bytes' mss_91
unharmed "S3: an MSS of 91 gets nothing of the nameserver's heap" mss_91
check "S3: its attacker saw no leak" [ "$(grep -c leaked "$WORK/throw.out")" = 0 ]
harm "S4: 300 handshakes with window -1 cost a bare server 70 kB each" grows 15000 window_minus_1
unharmed "S4: handshakes with window -1 cost the nameserver no memory" window_minus_1
harm "S5: one handshake with a window of 2^23 costs a bare server 130 MB" grows 120000 window_2_23
unharmed "S5: a handshake with a window of 2^23 costs the nameserver nothing" window_2_23
check "S5: the nameserver's memory never rose by it" [ "$(value_kb "$NS_PID" VmHWM)" -lt $((RSS_START_KB + 60000 * SLOW * SLOW)) ]
harm "S6: a window of 0 opened by an ACK, and two losses, end a bare server (SIGFPE)" dies FPE window_0
unharmed "S6: a window of 0 does not stop the nameserver" window_0
harm "S20: a bare server, too, passes over a short handshake: it alone of all bodies is measured" says '^answered' short_handshake
unharmed "S20: short handshakes disturb nothing, not even the session they name" short_handshake '^answered'
unharmed "S20: requests that no client makes disturb nothing" strange_requests '^answered'
harm "S21: 100 sessions without a request cost a bare server 40 MB" grows 15000 half_open
unharmed "S21: 100 sessions without a request do not hinder the nameserver" half_open
unharmed "S22: sessions with the same id and ISN do not hinder the nameserver" same_ids
end_attacked
finish
