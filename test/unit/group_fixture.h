/* test/unit/group_fixture.h: members of a session, and what they are told, as one line a part. Brings the
 * server's fixture. */
#ifndef HX_TEST_GROUP_FIXTURE_H
#define HX_TEST_GROUP_FIXTURE_H

#include "proto/chunk.h"
#include "proto/multipart.h"
#include "server/counters.h"
#include "test/unit/server_fixture.h"

#define TELLS "Candidate: 10.0.0.1:1 host\r\n"
#define TOKEN "Join-Session: 00112233445566778899aabbccddeeff\r\n"
#define ANN   "192.0.2.1:1001"
#define BOB   "192.0.2.2:1002"
#define CEC   "192.0.2.3:1003"
#define DAN   "192.0.2.4:1004"

static inline void join_expecting(struct fixture *f, struct fake_stream *p, const char *name, int expect,
                                  const char *headers)
{
    char text[1024];

    snprintf(text, sizeof text, "GET /join?session=room&expect=%d&name=%s HTTP/1.1\r\n%s\r\n", expect, name,
             headers);
    fixture_say(f, p, text);
}

/* A new peer, which expects three. */
static inline struct fake_stream *join(struct fixture *f, const char *address, const char *name,
                                       const char *headers)
{
    struct fake_stream *p = fixture_peer(f, address);

    join_expecting(f, p, name, 3, headers);
    return p;
}

struct told {
    char text[1 << 16];
    size_t len;
    struct multipart_reader parts;
};

static inline void told_part(void *user, const struct multipart_part *part)
{
    struct told *t = user;
    char address[ENDPOINT_TEXT_MAX], id[SESSION_TEXT_MAX] = "";

    endpoint_format(&part->peer.list[0].at, address);
    if (part->session.given)
        session_format(&part->session, id);
    t->len += (size_t)snprintf(t->text + t->len, sizeof t->text - t->len, "%s %s %d/%d %s%s%s\n", part->name,
                               member_event_text(part->member.event), part->member.here, part->member.expect,
                               address, *id ? " " : "", id);
    assert_true(t->len < sizeof t->text);
}

static inline void told_body(void *user, const char *data, size_t len)
{
    struct told *t = user;

    assert_int_equal(multipart_reader_feed(&t->parts, data, len), HX_OK);
}

/* All that it was told so far, read as libhx reads it; valid until the next call. */
static inline const char *told(const struct fake_stream *p)
{
    static struct told t;
    struct chunk_reader chunks;
    const char *body = fixture_body(p);

    t.len = 0;
    t.text[0] = '\0';
    assert_int_equal(multipart_reader_init(&t.parts, NULL, told_part, &t), HX_OK);
    chunk_reader_init(&chunks, told_body, &t);
    assert_true(chunk_reader_feed(&chunks, body, strlen(body)) >= 0);
    return t.text;
}

/* The session that `p` was told last for `name`; "": none. */
static inline const char *session_with(const struct fake_stream *p, const char *name)
{
    static char sessions[4][SESSION_TEXT_MAX];
    static int next;
    char *session = sessions[next = (next + 1) % 4], line[512], who[300];

    *session = '\0';
    for (const char *at = told(p); *at; at = strchr(at, '\n') + 1) {
        char id[64] = "", key[64] = "";
        snprintf(line, sizeof line, "%.*s", (int)strcspn(at, "\n"), at);
        if (sscanf(line, "%299s %*s %*s %*s %63s %63s", who, id, key) == 3 && strcmp(who, name) == 0)
            snprintf(session, SESSION_TEXT_MAX, "%.32s %.32s", id, key);
    }
    return session;
}

static inline uint64_t counted(struct fixture *f, enum counter which)
{
    return server_counters(f->server)->of[which];
}

/* Sessions and members that the server holds. */
static inline void check_totals(struct fixture *f, size_t sessions, size_t members)
{
    struct server_stats now;

    server_stats(f->server, &now);
    assert_int_equal(now.sessions, sessions);
    assert_int_equal(now.members, members);
}

#endif
