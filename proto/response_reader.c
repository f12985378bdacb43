#include "base/error.h"
#include "proto/attempt_report.h"
#include "proto/chunk.h"
#include "proto/field.h"
#include "proto/response.h"
#include "proto/upgrade.h"
#include <http_parser.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* In the order a response meets them; a failed reader's state is its (negative) error. */
enum reader_state {
    READER_HEAD,
    READER_BODY_CHUNKED,
    READER_BODY_COUNTED,
    READER_BODY_TO_CLOSE,
    READER_DONE
};

#define SWITCHING       101 /* protocols (RFC 9110, 15.2.2) */
#define FIELD_VALUE_MAX 512 /* bytes kept of one field's value */

/* Text that is cut where it does not fit. */
struct cut_text {
    size_t len;
    char bytes[FIELD_VALUE_MAX + 1];
};

struct response_reader {
    int state;
    bool head_request;
    bool head_complete; /* http-parser has seen the empty line */
    bool after_cr;      /* only LF may follow */
    bool in_value;      /* the last piece of a field was of its value */
    size_t head_len;    /* bytes of all heads so far, 1xx among them */
    uint64_t left;      /* counted body bytes to come */
    struct response_callbacks cb;
    struct response_head head;
    struct chunk_reader chunks;
    struct http_parser http;
    struct cut_text name;
    struct cut_text value;
    struct cut_text reason;
};

static void cut_text_add(struct cut_text *t, const char *data, size_t len)
{
    size_t room = FIELD_VALUE_MAX - t->len;

    if (len > room)
        len = room;
    memcpy(t->bytes + t->len, data, len);
    t->len += len;
    t->bytes[t->len] = '\0';
}

static void cut_text_clear(struct cut_text *t)
{
    t->len = 0;
    t->bytes[0] = '\0';
}

static void copy_cut(char *out, size_t cap, const char *text)
{
    size_t len = strnlen(text, cap - 1);

    memcpy(out, text, len);
    out[len] = '\0';
}

static size_t trimmed_len(const char *text, size_t len)
{
    while (len > 0 && (text[len - 1] == ' ' || text[len - 1] == '\t'))
        len--;
    return len;
}

/* The parameter "boundary" of a media type (RFC 9110, 8.3.1), unquoted; "" if there is none or it is too
 * long. */
static void read_boundary(char *out, size_t cap, const char *type)
{
    static const char key[] = "boundary=";

    out[0] = '\0';
    while ((type = strchr(type, ';'))) {
        type++;
        type += strspn(type, " \t");
        if (strncasecmp(type, key, strlen(key)) != 0)
            continue;
        type += strlen(key);
        bool quoted = *type == '"';
        type += quoted;
        size_t len = strcspn(type, quoted ? "\"" : "; \t");
        if (len >= cap)
            return;
        memcpy(out, type, len);
        out[len] = '\0';
        return;
    }
}

/* delta-seconds (RFC 9110, 10.2.3); -1 for a date or what is too long to wait for. */
static int read_seconds(const char *text)
{
    size_t digits = strspn(text, "0123456789");

    if (digits == 0 || digits > 9 || text[digits] != '\0')
        return -1;
    return (int)strtol(text, NULL, 10);
}

/* The field whose name and value were collected is whole. */
static void end_field(struct response_reader *r)
{
    struct response_head *head = &r->head;
    const char *name = r->name.bytes;
    struct cut_text *value = &r->value;

    value->len = trimmed_len(value->bytes, value->len);
    value->bytes[value->len] = '\0';
    if (strcasecmp(name, "Content-Type") == 0) {
        copy_cut(head->content_type, sizeof head->content_type, value->bytes);
        read_boundary(head->boundary, sizeof head->boundary, value->bytes);
    } else if (strcasecmp(name, "External-Address") == 0) {
        (void)endpoint_parse(&head->external, value->bytes, value->len);
    } else if (strcasecmp(name, "Report") == 0) {
        head->takes_reports = strcmp(value->bytes, ATTEMPT_REPORT_WHERE) == 0;
    } else if (strcasecmp(name, "Upgrade") == 0) {
        head->connect_udp = strcasecmp(value->bytes, UPGRADE_TOKEN) == 0;
    } else if (strcasecmp(name, "Retry-After") == 0) {
        head->retry_after_s = read_seconds(value->bytes);
    } else if (strcasecmp(name, "WWW-Authenticate") == 0) {
        (void)challenge_parse(head->nonce, value->bytes, value->len);
    } else if (strcasecmp(name, "Authentication-Info") == 0) {
        (void)next_nonce_parse(head->nonce, value->bytes, value->len);
    } else if (strcasecmp(name, "Location") == 0 && value->len < sizeof head->location) {
        strcpy(head->location, value->bytes);
    }
    cut_text_clear(&r->name);
    cut_text_clear(&r->value);
    r->in_value = false;
}

static int on_status(struct http_parser *http, const char *data, size_t len)
{
    struct response_reader *r = http->data;

    cut_text_add(&r->reason, data, len);
    return 0;
}

static int on_field_name(struct http_parser *http, const char *data, size_t len)
{
    struct response_reader *r = http->data;

    if (r->in_value)
        end_field(r);
    cut_text_add(&r->name, data, len);
    return 0;
}

static int on_field_value(struct http_parser *http, const char *data, size_t len)
{
    struct response_reader *r = http->data;

    if (!field_value_valid(data, len))
        return -1;
    r->in_value = true;
    cut_text_add(&r->value, data, len);
    return 0;
}

static int on_headers_complete(struct http_parser *http)
{
    struct response_reader *r = http->data;

    if (r->in_value)
        end_field(r);
    r->head.status = (int)http->status_code;
    copy_cut(r->head.reason, sizeof r->head.reason, r->reason.bytes);
    r->head.chunked = (http->flags & F_CHUNKED) != 0;
    if (http->flags & F_CONTENTLENGTH) {
        if (http->content_length > INT64_MAX)
            return -1;
        r->head.content_length = (int64_t)http->content_length;
    }
    r->head_complete = true;
    return 0;
}

static const struct http_parser_settings http_settings = {.on_status = on_status,
                                                          .on_header_field = on_field_name,
                                                          .on_header_value = on_field_value,
                                                          .on_headers_complete = on_headers_complete};

static void begin_head(struct response_reader *r)
{
    r->head = (struct response_head){.content_length = -1, .retry_after_s = -1};
    r->head_complete = false;
    r->in_value = false;
    cut_text_clear(&r->name);
    cut_text_clear(&r->value);
    cut_text_clear(&r->reason);
    http_parser_init(&r->http, HTTP_RESPONSE);
    r->http.data = r;
}

static void chunk_data(void *user, const char *data, size_t len)
{
    struct response_reader *r = user;

    if (r->cb.on_body)
        r->cb.on_body(r->cb.user, data, len);
}

int response_reader_create(struct response_reader **out, bool head_request,
                           const struct response_callbacks *cb)
{
    struct response_reader *r = calloc(1, sizeof *r);

    if (!r)
        return HX_ENOMEM;
    r->state = READER_HEAD;
    r->head_request = head_request;
    r->cb = *cb;
    chunk_reader_init(&r->chunks, chunk_data, r);
    begin_head(r);
    *out = r;
    return HX_OK;
}

void response_reader_destroy(struct response_reader *r)
{
    free(r);
}

/* How the body ends (RFC 9112, 6.3). */
static int body_state(struct response_reader *r)
{
    int status = r->head.status;

    if (r->head_request || status == SWITCHING || status == 204 || status == 304)
        return READER_DONE;
    if (r->head.chunked)
        return READER_BODY_CHUNKED;
    if (r->head.content_length < 0)
        return READER_BODY_TO_CLOSE;
    r->left = (uint64_t)r->head.content_length;
    return r->left > 0 ? READER_BODY_COUNTED : READER_DONE;
}

static int end_head(struct response_reader *r)
{
    if (r->http.http_major != 1 || r->head.status < 100)
        return HX_EPROTO;
    if (r->head.status < 200 && r->head.status != SWITCHING) {
        begin_head(r);
        return READER_HEAD;
    }
    r->state = body_state(r); /* before the callback, which may ask for the head */
    if (r->cb.on_head)
        r->cb.on_head(r->cb.user, &r->head);
    return r->state;
}

/* Gives http-parser at most the bytes up to a line's CR or LF; sets *taken and returns the next state. */
static int read_head(struct response_reader *r, const char *data, size_t len, size_t *taken)
{
    size_t n = 0;

    *taken = 0;
    if (r->after_cr && data[0] != '\n')
        return HX_EPROTO;
    if (r->head_len == RESPONSE_HEAD_MAX)
        return HX_ETOOBIG;
    if (len > RESPONSE_HEAD_MAX - r->head_len)
        len = RESPONSE_HEAD_MAX - r->head_len;
    while (n < len && data[n] != '\r' && data[n] != '\n')
        n++;
    if (n < len)
        n++;
    http_parser_execute(&r->http, &http_settings, data, n);
    if (HTTP_PARSER_ERRNO(&r->http) != HPE_OK)
        return HX_EPROTO;
    r->after_cr = data[n - 1] == '\r';
    r->head_len += n;
    *taken = n;
    if (r->cb.on_head_bytes)
        r->cb.on_head_bytes(r->cb.user, data, n);
    return r->head_complete ? end_head(r) : READER_HEAD;
}

static int read_body(struct response_reader *r, const char *data, size_t len, size_t *taken)
{
    if (r->state == READER_BODY_CHUNKED) {
        ssize_t n = chunk_reader_feed(&r->chunks, data, len);
        *taken = n < 0 ? 0 : (size_t)n;
        if (n < 0)
            return (int)n;
        return chunk_reader_done(&r->chunks) ? READER_DONE : READER_BODY_CHUNKED;
    }
    bool counted = r->state == READER_BODY_COUNTED;
    *taken = counted && len > r->left ? (size_t)r->left : len;
    r->left -= counted ? *taken : 0;
    if (r->cb.on_body)
        r->cb.on_body(r->cb.user, data, *taken);
    return counted && r->left == 0 ? READER_DONE : r->state;
}

ssize_t response_reader_feed(struct response_reader *r, const char *data, size_t len)
{
    size_t at = 0;

    while (at < len && r->state >= 0 && r->state != READER_DONE) {
        size_t taken = 0;
        r->state = r->state == READER_HEAD ? read_head(r, data + at, len - at, &taken)
                                           : read_body(r, data + at, len - at, &taken);
        at += taken;
    }
    return r->state < 0 ? r->state : (ssize_t)at;
}

bool response_reader_done(const struct response_reader *r)
{
    return r->state == READER_DONE;
}

bool response_reader_finish(struct response_reader *r)
{
    if (r->state == READER_BODY_TO_CLOSE)
        r->state = READER_DONE;
    return r->state == READER_DONE;
}

const struct response_head *response_reader_head(const struct response_reader *r)
{
    return r->state < 0 || r->state == READER_HEAD ? NULL : &r->head;
}
