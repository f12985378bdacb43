/* server/server.h: all connections of one nameserver, their limits, turns and deadlines. Knows streams, but
 * not where they come from; times are milliseconds of base/clock.h, one reading for each turn of the loop. */
#ifndef HX_SERVER_SERVER_H
#define HX_SERVER_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SERVER_REFUSED_MAX    1024 /* connections above a limit that still get an answer; more are closed */
#define SERVER_TURN_JUDGED    1024 /* connections judged again in one turn */
#define SERVER_TURN_READY_MAX 256  /* connections run in one turn before events are looked at again */

struct auth;
struct conn_world;
struct counters;
struct relay;
struct server;
struct server_config;
struct stream;
struct transcripts;
struct tunnels;

struct server_stats {
    size_t connections; /* those above a limit, too */
    size_t names;       /* held */
    size_t owned;       /* names that are some key's */
    size_t waiters;     /* connections that wait for a name */
    size_t sessions;    /* in which several meet */
    size_t members;     /* of all of them */
    size_t timers;      /* set */
    size_t queued;      /* bytes of output that no stream has taken yet */
};

/* HX_OK or HX_ENOMEM. Copies *config. `relay` stays the caller's and must live as long; NULL: there is
 * none. */
int server_create(struct server **out, const struct server_config *config, struct relay *relay);
/* Its limits and times are these from now on; who is there already stays, with the times that were told. */
void server_reconfigure(struct server *s, const struct server_config *config);
/* Closes all streams. NULL is fine. */
void server_destroy(struct server *s);

/* A new stream, which is the server's from now on; its `user` is set. */
void server_accept(struct server *s, struct stream *stream, int64_t now_ms);
/* The same above --rate-per-address: whatever it asks is answered 429. */
void server_accept_often(struct server *s, struct stream *stream, int64_t now_ms);
/* The same for one that nobody answers; a line in the log says why. */
void server_turn_away(struct server *s, struct stream *stream, const char *reason, int64_t now_ms);
/* It can be read or written again. */
void server_stream_ready(struct server *s, struct stream *stream, int64_t now_ms);
/* Its peer has closed it. */
void server_stream_closed(struct server *s, struct stream *stream, int64_t now_ms);
/* Deadlines, waiting turns, and the sweep: the end of each turn of the loop. */
void server_turn(struct server *s, int64_t now_ms);
/* Until the next turn is due, if no event comes before: 0 at once, -1 never. */
int server_timeout_ms(const struct server *s, int64_t now_ms);

/* Before the first connection: from now on who asks for something must be one that may. It stays the caller's
 * and must live as long. */
void server_use_auth(struct server *s, struct auth *auth);
/* Before the first connection: who meets whom is written by it. It stays the caller's and must live as
 * long. */
void server_use_transcripts(struct server *s, struct transcripts *transcripts);
/* Where what has happened is counted. */
struct counters *server_count_in(struct server *s);
/* Its rules, or owners, have changed: all that is held or waited for is judged again, in the next turns. */
void server_reauthorize(struct server *s);

/* Takes nothing new from now on, and ends those that hold names one after the other within `ms`. */
void server_drain(struct server *s, int64_t ms, int64_t now_ms);
/* All who held a name have been ended, and have had time to ask where to go. */
bool server_drained(const struct server *s, int64_t now_ms);
int64_t server_drain_end_ms(const struct server *s); /* then at the latest nobody has any time left */
size_t server_holders_left(const struct server *s);  /* to be ended */
/* Ends all answers in order; no new connection is taken. At most CONN_STOP_MS later none is left. */
void server_stop(struct server *s, int64_t now_ms);
size_t server_connections(const struct server *s); /* those above a limit, too */
/* Looks at every connection: for a signal, not for each turn. */
void server_stats(const struct server *s, struct server_stats *out);
/* The same without `queued`: looks at none. */
void server_totals(const struct server *s, struct server_stats *out);
/* For who looks at what is held (server/held.h), in its own turn. */
struct conn_world *server_world(struct server *s, int64_t now_ms);
bool server_stopping(const struct server *s); /* or it is drained */
size_t server_names(const struct server *s);  /* held */
/* For the ports that they shall lead to. */
struct tunnels *server_tunnels(struct server *s);
const struct counters *server_counters(const struct server *s);
size_t server_ended(const struct server *s); /* connections that have ended, ever */

#endif
