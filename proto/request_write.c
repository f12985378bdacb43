/* Requests, as clients write them. */
#include "base/buf.h"
#include "base/error.h"
#include "proto/request.h"
#include <stdio.h>

/* The header lines of `own`, the empty line and the NUL. */
#define OWN_TEXT_MAX (sizeof "Session: \r\n\r\n" + SESSION_ID_TEXT_MAX + PEER_FIELDS_TEXT_MAX)

static const char *own_lines(const struct peer_fields *own, char text[OWN_TEXT_MAX])
{
    char id[SESSION_ID_TEXT_MAX], lines[PEER_FIELDS_TEXT_MAX] = "";
    int len = 0;

    if (own && own->session.given) {
        session_id_format(own->session.id, id);
        len = snprintf(text, OWN_TEXT_MAX, "Session: %s\r\n", id);
    }
    if (own)
        peer_fields_format(own, lines);
    snprintf(text + len, OWN_TEXT_MAX - (size_t)len, "%s\r\n", lines);
    return text;
}

int request_write_bind(struct buf *out, const char *host_id, const char *headers,
                       const struct peer_fields *own_fields)
{
    char name[3 * HOST_ID_MAX + 1], lines[OWN_TEXT_MAX];
    int err = host_id_encode(host_id, name, sizeof name);

    if (err < 0)
        return err;
    return buf_printf(out, "GET /bind?host_id=%s HTTP/1.1\r\n%s%s", name, headers ? headers : "",
                      own_lines(own_fields, lines));
}

int request_write_connect(struct buf *out, const char *host_id, const char *own_name, const char *headers,
                          const struct peer_fields *own_fields)
{
    char name[3 * HOST_ID_MAX + 1], lines[OWN_TEXT_MAX];
    char own[3 * HOST_ID_MAX + 1] = "";
    bool named = own_name && *own_name;
    int err = host_id_encode(host_id, name, sizeof name);

    if (err >= 0 && named)
        err = host_id_encode(own_name, own, sizeof own);
    if (err < 0)
        return err;
    return buf_printf(out, "GET /connect?host_id=%s%s%s HTTP/1.1\r\n%s%s", name, named ? "&name=" : "", own,
                      headers ? headers : "", own_lines(own_fields, lines));
}

int request_write_join(struct buf *out, const char *session, int expect, const char *own_name,
                       const char *headers, const struct peer_fields *own_fields)
{
    char name[3 * HOST_ID_MAX + 1], own[3 * HOST_ID_MAX + 1], lines[OWN_TEXT_MAX];
    int err = host_id_encode(session, name, sizeof name);

    if (err >= 0)
        err = host_id_encode(own_name, own, sizeof own);
    if (err < 0)
        return err;
    if (expect < MEMBERS_MIN || expect > MEMBERS_MAX)
        return HX_EINVAL;
    return buf_printf(out, "GET /join?session=%s&expect=%d&name=%s HTTP/1.1\r\n%s%s", name, expect, own,
                      headers ? headers : "", own_lines(own_fields, lines));
}
