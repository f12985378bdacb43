#include "server/reply.h"
#include "base/buf.h"
#include "base/error.h"
#include "proto/request.h"
#include "proto/response.h"
#include "proto/target.h"
#include <stdio.h>
#include <string.h>

#define NO_RETRY   0
#define RETRY      REPLY_RETRY_AFTER_S
#define RETRY_SOON REPLY_OFTEN_S

#define OPEN  false /* the connection goes on after the answer */
#define CLOSE true
#define REASON(reason, status, close, headers, retry_after_s, text) \
    [REPLY_##reason] = {status, text, false, close, headers, COUNTER_REFUSED_##reason, retry_after_s, NULL}

static const struct reply replies[] = {
    [REPLY_NOTHING] = {500, "an error inside the server; report it", false, true, NULL,
                       COUNTER_REFUSED_NO_ANSWER, NO_RETRY, NULL},
    REASON(UNKNOWN, 404, OPEN, NULL, NO_RETRY,
           "nobody holds that host_id; try again later, or wait with Prefer: wait=SECONDS"),
    REASON(HELD, 409, OPEN, NULL, NO_RETRY,
           "that host_id is held by a living connection; choose another one, or end that one"),
    REASON(ONLY_IPV4, 409, OPEN, "Peer-Family: IPv4\r\n", NO_RETRY,
           "the peer has only IPv4; reach the nameserver over IPv4, too, or ask the peer to bind over IPv6"),
    REASON(ONLY_IPV6, 409, OPEN, "Peer-Family: IPv6\r\n", NO_RETRY,
           "the peer has only IPv6; reach the nameserver over IPv6, too, or ask the peer to bind over IPv4"),
    REASON(ONLY_TCP, 409, OPEN, NULL, NO_RETRY,
           "the holder is there over TCP alone: nothing to punch; ask it to bind over UDP"),
    REASON(
        ONLY_TUNNEL, 409, OPEN, NULL, NO_RETRY,
        "one of you two reaches the nameserver over TCP alone: nothing to punch; send Candidate headers from "
        "both"),
    REASON(TARGET, 403, OPEN, NULL, NO_RETRY,
           "a tunnel leads to this nameserver's own UDP ports alone; ask for .../udp/localhost/7000/"),
    REASON(NO_TUNNEL, 404, OPEN, NULL, NO_RETRY, TARGET_UNKNOWN),
    REASON(
        OFTEN_SOURCE, 429, OPEN, NULL, RETRY_SOON,
        "that host_id is asked for too often from your address (--introductions-per-source); try again in a "
        "second"),
    REASON(OFTEN_NAME, 429, OPEN, NULL, RETRY_SOON,
           "that host_id is asked for too often (--introductions-per-name); try again in a second"),
    REASON(MEMBER_HELD, 409, OPEN, NULL, NO_RETRY,
           "a living member of that session has that name; choose another one, or end that one"),
    REASON(
        SESSION_FULL, 409, OPEN, NULL, NO_RETRY,
        "that session has as many members as it may (--max-members); choose another one, or wait until one "
        "leaves"),
    REASON(EXPECT, 400, OPEN, NULL, NO_RETRY,
           "expect is more than the members that a session may have here (--max-members); expect fewer"),
    REASON(JOINS_SOURCE, 429, OPEN, NULL, RETRY_SOON,
           "that session is joined too often from your address (--introductions-per-source); try again in a "
           "second"),
    REASON(JOINS_SESSION, 429, OPEN, NULL, RETRY_SOON,
           "that session is joined too often (--introductions-per-name); try again in a second"),
    REASON(
        UNAUTHORIZED, 401, OPEN, NULL, NO_RETRY,
        "who asks for that must prove a key; answer the challenge with Authorization: HX key=..., sig=..."),
    REASON(
        STALE, 401, OPEN, NULL, NO_RETRY,
        "that proves nothing here; sign the challenge of this answer, with method, target and Host as sent"),
    REASON(FORBIDDEN, 403, OPEN, NULL, NO_RETRY,
           "that key may not do that here; ask who runs this nameserver for a line in its rules"),
    [REPLY_OWNED] =
        {403,
         "that name is owned by another key; bind it with that one, or ask who runs this nameserver "
         "to forget the owner (--forget)",
         false, OPEN, NULL, COUNTER_REFUSED_FORBIDDEN, NO_RETRY, NULL},
    REASON(DEVICE_KEY, 403, OPEN, NULL, NO_RETRY,
           "a name here is owned by a key of one's own; bind it with one, as hx key --device makes it"),
    REASON(HOST, 403, OPEN, NULL, NO_RETRY,
           "the request's Host is none of this nameserver's (--auth-host); reach it by a name that is"),
    REASON(CLAIMS, 429, OPEN, NULL, RETRY,
           "too many new names from your address (--claims-per-source); try again later"),
    REASON(MAX_OWNED, 503, OPEN, NULL, RETRY,
           "as many names are owned as may be (--max-owned); bind one that is yours, or ask who runs this "
           "nameserver"),
    REASON(NO_CLAIM, 503, OPEN, NULL, RETRY,
           "that name cannot be made yours now; the nameserver's store does not answer; try again later"),
    REASON(LATE, 408, CLOSE, NULL, NO_RETRY,
           "the request was not complete in time; connect again and send it at once"),
    REASON(CUT, 400, CLOSE, NULL, NO_RETRY, "the request ends in the middle; send it whole"),
    REASON(PEER_LIMIT, 429, CLOSE, NULL, RETRY,
           "too many connections from your address (--max-per-address); close some, or try again later"),
    REASON(PEER_OFTEN, 429, CLOSE, NULL, RETRY,
           "too many new connections from your address (--rate-per-address); ask more on each, or try again "
           "later"),
    REASON(
        PEER_RATE, 429, CLOSE, NULL, RETRY,
        "too many refused requests from your address (--rate-per-address); mend them, then try again later"),
    REASON(TOTAL_LIMIT, 503, CLOSE, NULL, RETRY,
           "the server has as many connections as it may (--max-connections); try again later"),
    REASON(NO_MEMORY, 503, CLOSE, NULL, RETRY, "the server is out of memory; try again later"),
    REASON(NO_ANSWER, 503, CLOSE, NULL, RETRY,
           "the server has not come to an answer in time; try again later"),
    REASON(DRAINING, 503, OPEN, NULL, RETRY,
           "the server stops and takes nothing new; ask the nameserver of Location, if there is one, or try "
           "again later"),
    REASON(STOPPING, 503, CLOSE, NULL, RETRY, "the server stops; try again later"),
};

struct reply reply_for(enum reply_reason reason)
{
    return replies[reason];
}

struct reply reply_for_refusal(const struct request_refusal *refusal)
{
    return (struct reply){refusal->status, refusal->text, refusal->head, refusal->fatal,
                          /* RFC 9110, 15.5.6 */
                          refusal->status == 405 ? "Allow: GET, HEAD\r\n" : NULL, COUNTER_REFUSED_MALFORMED,
                          NO_RETRY, NULL};
}

enum reply_reason reply_reason_for(int err)
{
    switch (err) {
    case HX_ENOTFOUND:
        return REPLY_UNKNOWN;
    case HX_ECONFLICT:
        return REPLY_HELD;
    case HX_ETIMEDOUT:
        return REPLY_LATE;
    case HX_EEOF:
        return REPLY_CUT;
    case HX_ELIMIT:
        return REPLY_PEER_LIMIT;
    case HX_ENOMEM:
        return REPLY_NO_MEMORY;
    case HX_ECANCELED:
        return REPLY_STOPPING;
    default:
        return REPLY_NOTHING;
    }
}

int reply_write(struct buf *out, const struct reply *r)
{
    char headers[128 + RESPONSE_LOCATION_MAX];
    struct response_text text = {
        .status = r->status, .body = r->text, .headers = headers, .head_only = r->head, .close = r->close};

    int len = snprintf(headers, sizeof headers, "%s", r->headers ? r->headers : "");
    if (r->retry_after_s > 0) /* RFC 9110, 10.2.3 */
        len += snprintf(headers + len, sizeof headers - (size_t)len, "Retry-After: %d\r\n", r->retry_after_s);
    /* RFC 9110, 10.2.2; of a 503 our own use */
    if (r->location && strlen(r->location) < RESPONSE_LOCATION_MAX)
        snprintf(headers + len, sizeof headers - (size_t)len, "Location: %s\r\n", r->location);
    return response_write_text(out, &text);
}

int reply_write_root(struct buf *out, const struct endpoint *external, bool head, bool close)
{
    char address[ENDPOINT_TEXT_MAX], body[ENDPOINT_TEXT_MAX + 64], header[ENDPOINT_TEXT_MAX + 32];
    struct response_text text = {
        .status = 200, .body = body, .headers = header, .head_only = head, .close = close};

    endpoint_format(external, address);
    snprintf(body, sizeof body, "you are %s, this is hx-nameserver %s", address, HX_VERSION);
    snprintf(header, sizeof header, "External-Address: %s\r\n", address);
    return response_write_text(out, &text);
}
