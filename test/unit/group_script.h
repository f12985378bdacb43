/* test/unit/group_script.h: what a nameserver (test/unit/scripted_nameserver.h) tells the member "own" of a
 * session. The text is made before the processes are forked. */
#ifndef HX_TEST_GROUP_SCRIPT_H
#define HX_TEST_GROUP_SCRIPT_H

#include "test/unit/scripted_names.h"

static char where[64]; /* hx_config.nameserver of the process that is forked next */
static char told[64 * 1024];
static size_t told_len;

/* It agrees. */
static inline void tell_nothing(void)
{
    told_len = (size_t)snprintf(told, sizeof told,
                                "HTTP/1.1 200 OK\r\n"
                                "Content-Type: multipart/x-mixed-replace;boundary=--hx_hole_punching\r\n"
                                "External-Address: 203.0.113.7:7\r\n"
                                "Transfer-Encoding: chunked\r\n\r\n");
}

/* A member at 127.0.0.9, where nobody answers. `session`: of the pair; -1: it has none. `relay`: a field, or
 * "". */
static inline void tell_of(const char *name, int port, const char *members, const char *event, int session,
                           const char *relay)
{
    char part[512], fields[192] = "";

    if (session >= 0)
        snprintf(fields, sizeof fields, "Session: %032x %032x\r\n%sCandidate: 127.0.0.9:%d host\r\n", session,
                 session, relay, port);
    int len = snprintf(part, sizeof part,
                       "--hx_hole_punching\r\n%s: 127.0.0.9:%d\r\nMembers: %s\r\nMember: %s\r\n%s\r\n", name,
                       port, members, event, fields);
    told_len +=
        (size_t)snprintf(told + told_len, sizeof told - told_len, "%x\r\n%s\r\n", (unsigned)len, part);
}

static inline const char *tells(int nth, bool ipv6)
{
    (void)nth;
    (void)ipv6;
    return told;
}

/* A nameserver that tells that, and a member of it. */
static inline struct scripted start_telling(void)
{
    struct scripted s = scripted_start(tells);

    snprintf(where, sizeof where, "ipv4.test:%u", s.port);
    return s;
}

static inline struct hx_config scripted_member(void)
{
    return (struct hx_config){.nameserver = where, .family = 4, .name = "own", .no_port_mapping = 1};
}

#endif
