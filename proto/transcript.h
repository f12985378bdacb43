/* proto/transcript.h: what went over connections, as text that people read and that udtcurl --replay plays
 * again (udtcurl(1)). No I/O; what is written goes to a buffer.
 *
 *     # begun 2026-11-30T07:45:12.123Z            other lines that begin with # say nothing
 *     === hx connect home                         a title: the lines below it are of this connection, ...
 *       0.000000 = opened, to 192.0.2.1:7000                   something happened to it
 *       0.000104 > GET /connect?host_id=home HTTP/1.1\r\n      bytes to the nameserver
 *       0.000104 > \r\n
 *       0.014333 < HTTP/1.1 200 OK\r\n                         bytes from it
 *     === hx bind home                            ... until the next title, which may be one that was before
 *
 * Times are seconds since the transcript began; several, one behind the other, are one, whose connections are
 * others behind each such line. A line of bytes ends behind each LF and where a piece of what
 * was read or written ends, so that the bytes of all lines of one direction, one behind the other, are the
 * stream. In it \r \n \t \\ and \xHH stand for bytes that are not printable, and for a blank at its end. */
#ifndef HX_PROTO_TRANSCRIPT_H
#define HX_PROTO_TRANSCRIPT_H

#include "base/buf.h"
#include "base/error.h"
#include "proto/transcript_secrets.h"
#include <stdint.h>

#define TRANSCRIPT_TITLE_MAX 400  /* bytes; what is longer is cut */
#define TRANSCRIPT_LINE_MAX  4096 /* characters of one that is read; those that are written are shorter */

enum transcript_mark {
    TRANSCRIPT_SENT = '>',     /* to the nameserver */
    TRANSCRIPT_RECEIVED = '<', /* from it */
    TRANSCRIPT_NOTE = '=',
    TRANSCRIPT_TITLE = '#', /* of a line that is read only */
    TRANSCRIPT_NOTHING = 0  /* likewise: an empty line, a comment */
};

/* One connection, as it is written. */
struct transcript_stream {
    const char *title;            /* not copied; told from those of other connections by its text */
    bool with_secrets;            /* else each byte of one is written as '*' (proto/transcript_secrets.h) */
    struct secrets_seen to, from; /* zeroed at first */
};

/* One transcript, as it is written. */
struct transcript {
    int64_t begun_us;                     /* of the caller's clock, which also tells at_us below */
    char title[TRANSCRIPT_TITLE_MAX + 1]; /* of the last line; zeroed at first */
};

/* All of them append whole lines, or nothing: HX_OK, or an error of buf_append(). */
/* The first line. `unix_ms`: since 1970. */
int transcript_write_begin(struct buf *out, int64_t unix_ms);
/* `mark`: SENT or RECEIVED. */
int transcript_write_bytes(struct transcript *t, struct buf *out, struct transcript_stream *s, int64_t at_us,
                           enum transcript_mark mark, const void *data, size_t len);
/* A line of `text`. It is one of these, or anything else, which says nothing to udtcurl --replay. */
#define TRANSCRIPT_OPENED "opened" /* and more behind it: the connection is there */
#define TRANSCRIPT_CLOSED "closed" /* likewise: by who asks the nameserver */
#define TRANSCRIPT_ENDED  "ended"  /* likewise: by the nameserver */
int transcript_write_note(struct transcript *t, struct buf *out, const struct transcript_stream *s,
                          int64_t at_us, const char *text);

struct transcript_line {
    enum transcript_mark mark;
    int64_t at_us;                      /* of SENT, RECEIVED and NOTE */
    size_t len;                         /* of bytes, a note or a title */
    char data[TRANSCRIPT_LINE_MAX + 1]; /* with a NUL behind them */
};

/* Reads text[0..len), a line without its end (a CR before that does not matter). HX_OK; HX_EPROTO: it is none
 * of a transcript; HX_ETOOBIG. */
int transcript_read(struct transcript_line *out, const char *text, size_t len);
/* Of a line as transcript_write_begin() writes it. HX_OK; HX_EPROTO: it is none. */
int transcript_read_begin(int64_t *unix_ms, const char *text, size_t len);

#endif
