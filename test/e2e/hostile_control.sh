#!/usr/bin/env bash
# Control packets of a connected peer that end, stall or confuse a bare UDT4 server, and leave hx-nameserver alone.
# shellcheck source=test/hostile/lib.sh disable=SC2154
. "$(dirname "$0")/../hostile/lib.sh"

start_attacked

{ printf 'HTTP/1.1 200 OK\r\nContent-Length: 200000\r\n\r\n' && head -c 200000 /dev/zero; } >"$WORK/long"
BARE_OPTIONS=(--reply "$WORK/long")
harm "S7: an ACK's window beyond the loss list, and three losses, make a bare server loop without an end" spins 3000 ack_window
BARE_OPTIONS=(--body hello)
unharmed "S7: an ACK's window beyond the loss list does not stop the nameserver" ack_window
harm "S8: a light ACK of the far future keeps a bare server busy" stalls 150 light_ack
unharmed "S8: a light ACK of the far future does not hinder the nameserver" light_ack
harm "S9: an ACK of what was never sent ends its session on a bare server" says '^unanswered' ack_beyond
unharmed "S9: an ACK of what was never sent is nothing to the nameserver" ack_beyond '^answered'
harm "S9: a NAK of what was never sent ends its session on a bare server" says '^unanswered' nak_beyond
unharmed "S9: a NAK of what was never sent is nothing to the nameserver" nak_beyond '^answered'
harm "S10: an ACK with bit 31 set poisons its session on a bare server" says '^unanswered' ack_bit31
unharmed "S10: an ACK with bit 31 set is nothing to the nameserver" ack_bit31 '^answered'
harm "S10: a NAK with bit 31 set in its last word is read past its end by a bare server" says '^unanswered' nak_bit31
unharmed "S10: a NAK with bit 31 set in its last word is nothing to the nameserver" nak_bit31 '^answered'
harm "S11: two ACKs with an absurd RTT make a bare server send keepalives without an end" says '^keepalives ([6-9]|[0-9]{2,})' ack_rtt
unharmed "S11: two ACKs with an absurd RTT make the nameserver send no more than before" ack_rtt '^keepalives [0-2]$'
harm "S13: four message drops of 2^31 numbers stop a bare server for a second" stalls 500 drop_wide
unharmed "S13: message drops of 2^31 numbers do not hinder the nameserver" drop_wide '^answered'
harm "S14: a message drop that moves the sequence ends a bare server (SIGSEGV)" dies SEGV drop_moves
unharmed "S14: a message drop that moves the sequence is nothing to the nameserver" drop_moves '^answered'
harm "S15: a bare server, too, compares the sender: a stranger's shutdown of a session ends nothing" says '^answered' shutdown_one
unharmed "S15: a shutdown of a session from a stranger's port does not end it" shutdown_one '^answered'
unharmed "S15: shutdowns for 600 neighbouring ids from a stranger's port end no session" shutdown_all '^answered'
harm "S15: a shutdown with its peer's address forged ends a session on a bare server" says '^unanswered' shutdown_forged
unharmed "S15: a shutdown with its peer's address forged does not end a session of a second and more" shutdown_forged '^answered'
# Of these types only 8 has an effect: 4 slows sending until UDT's next look at its timers, which follows at once, and
# its congestion control has no use for 0x7FFF (core.cpp, processCtrl). 8 needs a sender that waits for room.
BARE_OPTIONS=(--reply "$WORK/long" --buffer 32)
harm "S16: a packet of type 8 ends a bare server's answer in the middle" breaks long_answer peer_error
unharmed "S16: a packet of type 8 is nothing to the nameserver" peer_error '^answered'
unharmed "S16: packets of types that no stream needs are nothing to the nameserver" strange_types '^answered'
BARE_OPTIONS=(--body hello)
harm "S19: an empty data packet eats the next one on a bare server" says '^unanswered' empty_data
unharmed "S19: an empty data packet eats nothing on the nameserver" empty_data '^answered'
harm "S20: short bodies make a bare server act on stale bytes" says '^unanswered' short_bodies
unharmed "S20: short bodies are nothing to the nameserver" short_bodies '^answered'
end_attacked
finish
