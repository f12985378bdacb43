/* test/unit/meeting_fixture.h: what is asked for and answered when two meet. Brings the server's fixture. */
#ifndef HX_TEST_MEETING_FIXTURE_H
#define HX_TEST_MEETING_FIXTURE_H

#include "test/unit/server_fixture.h"

#define BIND    "/bind?host_id=host_sweet_host"
#define CONNECT "/connect?host_id=host_sweet_host"
#define HEAD                                                                  \
    "HTTP/1.1 200 OK\r\n"                                                     \
    "Content-Type: multipart/x-mixed-replace;boundary=--hx_hole_punching\r\n" \
    "Transfer-Encoding: chunked\r\n"
#define PART_H1 "3b\r\n--hx_hole_punching\r\nhost_sweet_host: 203.0.113.10:40001\r\n\r\n\r\n"
#define PART_H2 "2d\r\n--hx_hole_punching\r\n: 198.51.100.20:40002\r\n\r\n\r\n"
#define PROBE   "2\r\n\r\n\r\n"
#define LAST    "0\r\n\r\n"

/* A GET; `headers`: lines that each end in CRLF. */
static inline void say(struct fixture *f, struct fake_stream *p, const char *target, const char *headers)
{
    char text[4096];

    snprintf(text, sizeof text, "GET %s HTTP/1.1\r\n%s\r\n", target, headers);
    fixture_say(f, p, text);
}

/* The same of a peer who has just connected. */
static inline struct fake_stream *ask(struct fixture *f, const char *address, const char *target,
                                      const char *headers)
{
    struct fake_stream *p = fixture_peer(f, address);

    say(f, p, target, headers);
    return p;
}

#endif
