#include "server/reply.h"
#include "base/buf.h"
#include "base/error.h"
#include "proto/request.h"
#include "proto/response.h"
#include <stdio.h>

#define STRING(x)  #x
#define DECIMAL(x) STRING(x)

static const struct reply replies[] = {
    [REPLY_NOTHING] = {500, "an error inside the server; report it", false, true},
    [REPLY_UNKNOWN] = {404, "nobody holds that host_id; try again later, or wait with Prefer: wait=SECONDS",
                       false, false},
    [REPLY_HELD] = {409, "that host_id is held by a living connection; choose another one, or end that one",
                    false, false},
    [REPLY_LATE] = {408, "the request was not complete in time; connect again and send it at once", false,
                    true},
    [REPLY_CUT] = {400, "the request ends in the middle; send it whole", false, true},
    [REPLY_PEER_LIMIT] = {429, "too many connections from your address; close some, or try again later",
                          false, true},
    [REPLY_PEER_RATE] = {429, "too many refused requests from your address; mend them, then try again later",
                         false, true},
    [REPLY_TOTAL_LIMIT] = {503, "the server has as many connections as it may; try again later", false, true},
    [REPLY_NO_MEMORY] = {503, "the server is out of memory; try again later", false, true},
    [REPLY_STOPPING] = {503, "the server stops; try again later", false, true},
};

struct reply reply_for(enum reply_reason reason)
{
    return replies[reason];
}

struct reply reply_for_refusal(const struct request_refusal *refusal)
{
    return (struct reply){refusal->status, refusal->text, refusal->head, refusal->fatal};
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

/* RFC 9110: 405 must come with Allow (15.5.6); 429 and 503 may say when to come again (10.2.3). */
static const char *headers_for(int status)
{
    switch (status) {
    case 405:
        return "Allow: GET, HEAD\r\n";
    case 429:
    case 503:
        return "Retry-After: " DECIMAL(REPLY_RETRY_AFTER_S) "\r\n";
    default:
        return NULL;
    }
}

int reply_write(struct buf *out, const struct reply *r)
{
    struct response_text text = {.status = r->status,
                                 .body = r->text,
                                 .headers = headers_for(r->status),
                                 .head_only = r->head,
                                 .close = r->close};

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
