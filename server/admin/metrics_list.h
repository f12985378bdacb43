/* server/admin/metrics_list.h: every metric of /metrics: its name, type and help. hx-nameserver(8) has the same
 * table, and test/e2e/server_admin.sh compares them. */
#ifndef HX_SERVER_ADMIN_METRICS_LIST_H
#define HX_SERVER_ADMIN_METRICS_LIST_H

#define METRICS_MAP(X)                                                                                       \
    X(BUILD, "hx_build_info", "gauge", "1; the label is the version.")                                       \
    X(START, "hx_start_time_seconds", "gauge", "When it began to serve, in seconds since 1970.")             \
    X(STOPPING, "hx_stopping", "gauge", "1 once it has been asked to stop.")                                 \
    X(NAMES, "hx_names", "gauge", "Names that are held.")                                                    \
    X(CONNECTIONS, "hx_connections", "gauge", "Open connections of clients.")                                \
    X(WAITERS, "hx_waiters", "gauge", "Connections that wait for a name.")                                   \
    X(SESSIONS, "hx_sessions", "gauge", "Sessions in which several meet.")                                   \
    X(MEMBERS, "hx_members", "gauge", "Their members.")                                                      \
    X(OWNED, "hx_owned_names", "gauge", "Names that are some key's (--auth tofu).")                          \
    X(RELAY_SESSIONS, "hx_relay_sessions", "gauge", "Relayed sessions: open, or known and not used yet.")    \
    X(RSS, "hx_resident_memory_bytes", "gauge", "Memory that is the process's in the machine.")              \
    X(ALLOCATED, "hx_allocated_memory_bytes", "gauge",                                                       \
      "Memory that the program has asked its allocator for.")                                                \
    X(LOOP, "hx_loop_turn_seconds", "histogram", "Turns of the loop: so long who comes meanwhile waits.")    \
    X(ACCEPTED, "hx_connections_total", "counter",                                                           \
      "Connections of clients: accepted, or closed without an answer.")                                      \
    X(BINDS, "hx_binds_total", "counter", "Names bound: free ones, and in place of whom.")                   \
    X(CHALLENGES, "hx_challenges_total", "counter",                                                          \
      "Holders asked whether they live, and how often that was written.")                                    \
    X(INTRODUCTIONS, "hx_introductions_total", "counter", "Connects: both told, one told, had to wait.")     \
    X(REPORTS, "hx_reports_total", "counter",                                                                \
      "Attempts as H1, H2 and members tell of them, by way; or failed.")                                     \
    X(FAILURES, "hx_report_failures_total", "counter", "Why those failed.")                                  \
    X(TOOK, "hx_report_seconds", "histogram", "How long the attempts took that did not fail.")               \
    X(NATS, "hx_report_nats_total", "counter", "How those who tell are mapped.")                             \
    X(MEETING, "hx_members_total", "counter", "Members of sessions: came, moved, were replaced, were told.") \
    X(AUTHORIZED, "hx_authorized_total", "counter", "Proofs of keys that were accepted.")                    \
    X(CLAIMED, "hx_claims_total", "counter", "Names that became some key's.")                                \
    X(REFUSED, "hx_refused_total", "counter", "Requests refused, by reason.")                                \
    X(LEFT, "hx_left_total", "counter", "Connections ended, by reason.")                                     \
    X(TUNNELS, "hx_tunnels_total", "counter", "TCP connections that became tunnels.")                        \
    X(TUNNELED, "hx_tunnel_datagrams_total", "counter", "Datagrams in them: taken, given, lost.")            \
    X(STUN, "hx_stun_total", "counter", "STUN's requests, by what became of them.")                          \
    X(RELAY_BYTES, "hx_relay_bytes_total", "counter", "Bytes forwarded.")                                    \
    X(RELAY, "hx_relay_datagrams_total", "counter", "Datagrams to the relay, by what became of them.")       \
    X(DATAGRAMS, "hx_datagrams_total", "counter", "UDT's datagrams that the filter let pass.")               \
    X(DROPPED, "hx_dropped_total", "counter", "Datagrams dropped before UDT, by rule of the filter.")        \
    X(OTHER, "hx_events_total", "counter", "All else that is counted.")

#endif
