/* test/udtcurl/replay_script.h: a transcript (proto/transcript.h) as what --replay does, in the order of
 * its times: steps of ours, and the lines that the nameserver has answered. */
#ifndef HX_UDTCURL_REPLAY_SCRIPT_H
#define HX_UDTCURL_REPLAY_SCRIPT_H

#include "base/buf.h"
#include "proto/transcript.h"
#include <stdbool.h>

#define SCRIPT_STREAMS_MAX 64
#define SCRIPT_BYTES_MAX   (64 << 20) /* of a transcript */

struct script_line { /* of an answer, with its LF; the last one of a stream may have none */
    size_t at, len;  /* in the stream's `bytes` */
    int64_t at_us;   /* of its last byte */
    size_t order;    /* among all records */
};

struct script_stream {
    char title[TRANSCRIPT_TITLE_MAX + 1];
    struct buf bytes; /* of all answers */
    struct script_line *lines;
    size_t count;
    bool ended;     /* by the nameserver */
    int transcript; /* of several, which: the clocks of two are not quite the same */
};

enum script_kind { SCRIPT_OPEN, SCRIPT_SEND, SCRIPT_CLOSE };

struct script_step {
    enum script_kind kind;
    int stream;
    int64_t at_us;
    size_t order;
    char *data; /* SEND */
    size_t len;
};

struct script {
    struct script_stream streams[SCRIPT_STREAMS_MAX];
    int stream_count;
    struct script_step *steps;
    size_t step_count;
    int64_t end_us; /* of the last record */
};

/* Reads text[0..len). UC_OK; UC_USAGE or UC_MEMORY: why[cap] says what is wrong, with the line. */
int script_read(struct script *out, const char *text, size_t len, char *why, size_t cap);
void script_free(struct script *s); /* also after an error */

#endif
