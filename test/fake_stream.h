/* test/fake_stream.h: a struct stream that a test scripts: what the peer says, how much it takes, what it has
 * acknowledged, when it was heard. */
#ifndef HX_TEST_FAKE_STREAM_H
#define HX_TEST_FAKE_STREAM_H

#include "shim/stream.h"
#include <stdbool.h>

#define FAKE_DATAGRAM_BYTES 1000 /* a write of n bytes makes this many of them, rounded up */

struct fake_stream {
    struct stream stream; /* what the program under test gets */
    char *input;          /* what the peer has said and nobody has read */
    size_t input_len;
    bool input_ends;  /* read says HX_EEOF after it */
    bool gone;        /* read says HX_ECLOSED after it, write and unacked at once */
    size_t read_max;  /* bytes of one read; 0: as many as asked for */
    size_t write_max; /* bytes of one write; 0: all */
    size_t room;      /* bytes that writes still take before HX_EAGAIN */
    char *output;     /* all that was written, NUL-terminated */
    size_t output_len;
    bool acks;   /* every datagram is acknowledged when it is written */
    int unacked; /* else they are counted here, and the test takes them off */
    int64_t heard_ms;
    int asked;   /* how often it was asked for a sign of life */
    bool silent; /* for the fixtures' clocks: it is not heard as time passes */
    struct sockaddr_storage peer;
    socklen_t peer_len;
    bool closed; /* by the program under test; the memory stays the test's */
};

/* Unlimited room, everything acknowledged; `peer` is an endpoint's text such as "192.0.2.1:4711". */
void fake_stream_init(struct fake_stream *f, const char *peer);
/* It is one over TCP, as server/reach.h sees it. Before anybody has it. */
void fake_stream_over_tcp(struct fake_stream *f);
void fake_stream_free(struct fake_stream *f);
void fake_stream_say(struct fake_stream *f, const char *text);
void fake_stream_say_bytes(struct fake_stream *f, const char *data, size_t len);
/* Forgets the output so far. */
void fake_stream_forget(struct fake_stream *f);

#endif
