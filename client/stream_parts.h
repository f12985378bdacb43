/* client/stream_parts.h: what the files of a stream share; nobody else includes it.
 *
 * stream.c: its life, and the events of its connection. stream_io.c: what the application reads, writes and
 * polls. stream_datagrams.c: what passes beside it. stream_close.c: hx_close(), which waits until all has arrived. */
#ifndef HX_CLIENT_STREAM_PARTS_H
#define HX_CLIENT_STREAM_PARTS_H

#include "client/datagrams.h"
#include "client/engine.h"
#include "client/readiness_fd.h"
#include "client/secure_channel.h"
#include "client/stream.h"
#include "proto/host_id.h"

struct hx_stream {
    struct engine_sink sink;
    struct timer silence;
    struct engine_member member;
    struct stream *s; /* changed with both locks held; NULL once the connection is given up */
    struct udt_port *port;
    struct agent *agent; /* changed with both locks held; NULL: its peer has one address */
    struct rejoin *rejoin;
    struct reporter reporter;
    struct stream_owner owner;
    struct endpoint peer, external;
    char name[HOST_ID_MAX + 1];
    int linger_ms;
    int64_t born_ms;
    struct fair_share_member waiting; /* to be accepted */

    pthread_mutex_t mutex; /* all below, and every read and write of `s` */
    pthread_cond_t cond;
    struct readiness_fd read_fd, write_fd; /* set: hx_read() or hx_write() is worth a try */
    struct secure_channel *channel;
    bool connecting;
    struct datagrams *datagrams; /* NULL: nobody has asked for any */
    bool proof_told;             /* that the proof of the keys has ended, this way or that */
    bool eof_told;
    bool unsure;   /* something was written that no look at the acknowledgements has covered */
    bool finished; /* hx_shutdown() was called */
    bool ended;    /* and UDT has been told, too */
    bool gone;     /* the connection has ended */
    bool silent;   /* because nothing was heard: no orderly end */
    bool canceled; /* the handle's life ends */
    int users;     /* threads inside hx_read() and hx_write() */
    unsigned news; /* counts events: who waits for a change compares */
};

/* stream.c; with the stream's mutex held. */
/* Whoever waits for the proof, to read or to write, may go on or learn that it has failed. */
void stream_tell_proof(struct hx_stream *h);
/* Sends what the secure channel holds back and, after hx_shutdown(), what ends our direction: TLS's end, then
 * UDT's. HX_OK: nothing waits; HX_EAGAIN: something waits for room; what secure_channel_end() says. */
int stream_push(struct hx_stream *h);
/* Ends the connection; the engine's lock is held, the stream's is not. `settle`: a young one lives on
 * for a while. */
void stream_detach(struct hx_stream *h, bool settle);

#endif
