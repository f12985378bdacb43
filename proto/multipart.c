#include "proto/multipart.h"

#include "base/buf.h"
#include "base/error.h"
#include "proto/chunk.h"
#include "proto/field.h"
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define BOUNDARY_MAX 70 /* RFC 2046, 5.1.1 */

/* In the order a body meets them; a failed reader's state is its (negative) error. */
enum multipart_state {
    MULTIPART_PREAMBLE, /* before the first delimiter line */
    MULTIPART_PEER,     /* the delimiter has come: NAME: IP:PORT is next */
    MULTIPART_FIELDS,   /* its further fields, or the empty line that ends it */
    MULTIPART_BETWEEN,  /* the next delimiter, or empty lines that show the connection is alive */
    MULTIPART_EPILOGUE  /* behind the closing delimiter */
};

/* `member`: NULL, or what a part of /join says. */
static int write_part(struct buf *out, const char *name, const struct endpoint *peer,
                      const struct membership *member, const struct session *session, const char *fields,
                      bool chunked)
{
    char text[ENDPOINT_TEXT_MAX], id_and_key[SESSION_TEXT_MAX];
    char relay[RELAY_OFFER_TEXT_MAX];
    char part[MULTIPART_LINE_MAX + MEMBERSHIP_TEXT_MAX + SESSION_TEXT_MAX + RELAY_OFFER_TEXT_MAX +
              PEER_FIELDS_TEXT_MAX];

    if ((*name && !host_id_valid(name, strnlen(name, HOST_ID_MAX + 1))) ||
        (session && strnlen(fields, PEER_FIELDS_TEXT_MAX) == PEER_FIELDS_TEXT_MAX))
        return HX_EINVAL;
    endpoint_format(peer, text);
    int len = snprintf(part, sizeof part, MULTIPART_BOUNDARY "\r\n%s: %s\r\n", name, text);
    if (member) {
        membership_format(member, part + len);
        len += (int)strlen(part + len);
    }
    if (session) {
        session_format(session, id_and_key);
        len += snprintf(part + len, sizeof part - (size_t)len, "Session: %s\r\n", id_and_key);
        relay_offer_format(&session->relay, relay);
        if (session->relay.offered)
            len += snprintf(part + len, sizeof part - (size_t)len, "Relay: %s\r\n", relay);
        len += snprintf(part + len, sizeof part - (size_t)len, "%s", fields);
    }
    len += snprintf(part + len, sizeof part - (size_t)len, "\r\n");
    return chunked ? chunk_write(out, part, (size_t)len) : buf_append(out, part, (size_t)len);
}

int multipart_write_part(struct buf *out, const char *name, const struct endpoint *peer,
                         const struct session *session, const char *fields, bool chunked)
{
    return write_part(out, name, peer, NULL, session, fields, chunked);
}

int multipart_write_member(struct buf *out, const char *name, const struct endpoint *peer,
                           const struct membership *member, const struct session *session, const char *fields,
                           bool chunked)
{
    return *name ? write_part(out, name, peer, member, session, fields, chunked) : HX_EINVAL;
}

int multipart_reader_init(struct multipart_reader *r, const char *boundary,
                          void (*on_part)(void *user, const struct multipart_part *part), void *user)
{
    if (!boundary || !*boundary)
        boundary = MULTIPART_BOUNDARY;
    size_t len = strnlen(boundary, BOUNDARY_MAX + 1);
    if (len > BOUNDARY_MAX)
        return HX_EINVAL;
    *r = (struct multipart_reader){.state = MULTIPART_PREAMBLE, .on_part = on_part, .user = user};
    memcpy(r->boundary, boundary, len + 1);
    return HX_OK;
}

/* True if the line is the boundary, with or without two dashes in front, and then `tail`. */
static bool is_delimiter(const struct multipart_reader *r, const char *tail)
{
    size_t boundary_len = strlen(r->boundary);
    size_t tail_len = strlen(tail);
    const char *line = r->line;
    size_t len = r->line_len;

    /* Transport padding (RFC 2046, 5.1.1) */
    while (len > 0 && (line[len - 1] == ' ' || line[len - 1] == '\t'))
        len--;
    if (len == 2 + boundary_len + tail_len && memcmp(line, "--", 2) == 0) {
        line += 2;
        len -= 2;
    }
    return len == boundary_len + tail_len && memcmp(line, r->boundary, boundary_len) == 0 &&
           memcmp(line + boundary_len, tail, tail_len) == 0;
}

static size_t blanks_at(const char *line, size_t at, size_t len)
{
    size_t n = 0;

    while (at + n < len && (line[at + n] == ' ' || line[at + n] == '\t'))
        n++;
    return n;
}

static int read_peer(struct multipart_reader *r)
{
    const char *line = r->line;
    const char *colon = memchr(line, ':', r->line_len);

    if (!colon)
        return HX_EPROTO;
    size_t name_len = (size_t)(colon - line);
    if (name_len > 0 && !host_id_valid(line, name_len))
        return HX_EPROTO;
    memcpy(r->part.name, line, name_len);
    r->part.name[name_len] = '\0';

    size_t at = name_len + 1 + blanks_at(line, name_len + 1, r->line_len);
    struct endpoint seen;
    int err = endpoint_parse(&seen, line + at, r->line_len - at);
    if (err < 0)
        return err;
    r->part.peer.count = 0;
    (void)candidates_add(&r->part.peer, &seen, CANDIDATE_SRFLX);
    r->part.session.given = false;
    r->part.mapping = (struct nat_mapping){.kind = NAT_MAPPING_UNKNOWN};
    r->part.field_count = 0;
    r->text_len = 0;
    return MULTIPART_FIELDS;
}

/* Copies text[0..len) behind the part's other texts. There is room. */
static const char *keep(struct multipart_reader *r, const char *text, size_t len)
{
    char *copy = r->text + r->text_len;

    memcpy(copy, text, len);
    copy[len] = '\0';
    r->text_len += len + 1;
    return copy;
}

static int read_field(struct multipart_reader *r)
{
    const char *line = r->line;
    const char *colon = memchr(line, ':', r->line_len);
    size_t key_len = colon ? (size_t)(colon - line) : 0;

    if (!field_name_valid(line, key_len))
        return HX_EPROTO;
    size_t at = key_len + 1 + blanks_at(line, key_len + 1, r->line_len);
    size_t len = r->line_len - at;
    while (len > 0 && (line[at + len - 1] == ' ' || line[at + len - 1] == '\t'))
        len--;
    if (!field_value_valid(line + at, len))
        return HX_EPROTO;
    if (r->part.field_count == MULTIPART_FIELDS_MAX || r->text_len + key_len + len + 2 > sizeof r->text)
        return HX_ETOOBIG;
    struct multipart_field *f = &r->part.fields[r->part.field_count++];
    f->key = keep(r, line, key_len);
    f->value = keep(r, line + at, len);
    return MULTIPART_FIELDS;
}

const char *multipart_next(const struct multipart_part *part, const char *key, size_t *at)
{
    while (*at < part->field_count) {
        const struct multipart_field *f = &part->fields[(*at)++];

        if (strcasecmp(f->key, key) == 0)
            return f->value;
    }
    return NULL;
}

/* Without a session there is no key to prove an address with: then only the first line counts. */
static void take_known_fields(struct multipart_part *part)
{
    struct peer_fields known = {.session.given = false};
    struct relay_offer relay = {.offered = false};

    part->member = (struct membership){.event = MEMBER_UNTOLD};
    for (size_t i = 0; i < part->field_count; i++) {
        const struct multipart_field *f = &part->fields[i];

        if (!known.session.given && strcasecmp(f->key, "Session") == 0)
            (void)session_parse(&known.session, f->value, strlen(f->value));
        else if (!relay.offered && strcasecmp(f->key, "Relay") == 0)
            (void)relay_offer_parse(&relay, f->value, strlen(f->value));
        else
            peer_fields_read(&known, f->key, strlen(f->key), f->value, strlen(f->value));
        membership_read(&part->member, f->key, f->value);
    }
    if (!known.session.given)
        return;
    part->session = known.session;
    part->session.relay = relay;
    part->mapping = known.mapping;
    for (size_t i = 0; i < known.candidates.count; i++)
        (void)candidates_add(&part->peer, &known.candidates.list[i].at, known.candidates.list[i].kind);
}

/* The state after the line in r->line, or an error. */
static int read_line(struct multipart_reader *r)
{
    switch (r->state) {
    case MULTIPART_PEER:
        return r->line_len == 0 ? MULTIPART_PEER : read_peer(r);
    case MULTIPART_FIELDS:
        if (r->line_len > 0)
            return read_field(r);
        take_known_fields(&r->part);
        if (r->on_part)
            r->on_part(r->user, &r->part);
        return MULTIPART_BETWEEN;
    default: /* MULTIPART_PREAMBLE, MULTIPART_BETWEEN */
        if (is_delimiter(r, ""))
            return MULTIPART_PEER;
        if (is_delimiter(r, "--"))
            return MULTIPART_EPILOGUE;
        return r->state == MULTIPART_PREAMBLE || r->line_len == 0 ? r->state : HX_EPROTO;
    }
}

static int read_byte(struct multipart_reader *r, char c)
{
    if (c != '\n') {
        if (r->line_len > MULTIPART_LINE_MAX || (r->line_len == MULTIPART_LINE_MAX && c != '\r'))
            return HX_ETOOBIG;
        r->line[r->line_len++] = c;
        return r->state;
    }
    if (r->line_len > 0 && r->line[r->line_len - 1] == '\r')
        r->line_len--;
    int next = read_line(r);
    r->line_len = 0;
    return next;
}

int multipart_reader_feed(struct multipart_reader *r, const char *data, size_t len)
{
    for (size_t i = 0; i < len && r->state >= 0 && r->state != MULTIPART_EPILOGUE; i++)
        r->state = read_byte(r, data[i]);
    return r->state < 0 ? r->state : HX_OK;
}
