#include "proto/upgrade.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/percent.h"
#include "proto/endpoint.h"
#include <http_parser.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define TARGET_BEGIN "/.well-known/masque/udp/"
#define VALUE_MAX    (sizeof UPGRADE_TOKEN - 1)

int upgrade_write_request(struct buf *out, const char *authority, uint16_t port)
{
    return buf_printf(out,
                      "GET " TARGET_BEGIN "localhost/%u/ HTTP/1.1\r\n"
                      "Host: %s\r\n"
                      "Connection: Upgrade\r\n"
                      "Upgrade: " UPGRADE_TOKEN "\r\n"
                      "Capsule-Protocol: ?1\r\n"
                      "\r\n",
                      (unsigned)port, authority);
}

int upgrade_write_answer(struct buf *out)
{
    return buf_printf(out, "HTTP/1.1 101 Switching Protocols\r\n"
                           "Connection: Upgrade\r\n"
                           "Upgrade: " UPGRADE_TOKEN "\r\n"
                           "Capsule-Protocol: ?1\r\n"
                           "\r\n");
}

bool upgrade_target_parse(struct upgrade_target *out, const char *path, size_t len)
{
    size_t begin = strlen(TARGET_BEGIN);

    if (len <= begin || memcmp(path, TARGET_BEGIN, begin) != 0)
        return false;
    if (path[len - 1] == '/')
        len--;
    const char *host = path + begin, *slash = memchr(host, '/', len - begin);
    if (!slash || slash == host)
        return false;
    size_t host_len = (size_t)(slash - host);
    if (host_len > UPGRADE_HOST_MAX || memchr(host, '\0', host_len) ||
        percent_decode(out->host, host, host_len) <= 0)
        return false;
    out->port = endpoint_parse_port(slash + 1, (size_t)(path + len - slash - 1));
    return out->port != 0;
}

/* ---- the answer ---- */

struct upgrade_reader {
    struct http_parser http;
    enum upgrade_result result;
    bool in_upgrade; /* the field that comes is Upgrade, as far as it has come; */
    size_t name_len;
    char value[VALUE_MAX + 1]; /* the field's, cut where it can be no token of ours any more */
    size_t value_len;
    bool has_token, in_value;
    size_t head_len;
    char text[UPGRADE_TEXT_MAX + 1];
    size_t text_len;
};

static void begin_field(struct upgrade_reader *r)
{
    r->in_value = false;
    r->in_upgrade = true;
    r->name_len = r->value_len = 0;
}

static void end_field(struct upgrade_reader *r)
{
    while (r->value_len > 0 && (r->value[r->value_len - 1] == ' ' || r->value[r->value_len - 1] == '\t'))
        r->value_len--;
    if (r->in_upgrade && r->name_len == strlen("Upgrade") && r->value_len == strlen(UPGRADE_TOKEN) &&
        strncasecmp(r->value, UPGRADE_TOKEN, r->value_len) == 0)
        r->has_token = true;
    begin_field(r);
}

static int on_begin(struct http_parser *http)
{
    struct upgrade_reader *r = http->data;

    begin_field(r);
    r->has_token = false;
    return 0;
}

static int on_name(struct http_parser *http, const char *data, size_t len)
{
    static const char name[] = "Upgrade";
    struct upgrade_reader *r = http->data;

    if (r->in_value)
        end_field(r);
    if (r->name_len + len > strlen(name) || strncasecmp(name + r->name_len, data, len) != 0)
        r->in_upgrade = false;
    r->name_len += len;
    return 0;
}

static int on_value(struct http_parser *http, const char *data, size_t len)
{
    struct upgrade_reader *r = http->data;
    size_t room = sizeof r->value - r->value_len;

    r->in_value = true;
    if (len > room)
        len = room;
    memcpy(r->value + r->value_len, data, len);
    r->value_len += len;
    return 0;
}

/* 1xx but 101 are read over (RFC 9110, 15.2). 1: no body follows. */
static int on_head(struct http_parser *http)
{
    struct upgrade_reader *r = http->data;

    if (r->in_value)
        end_field(r);
    if (http->status_code != 101)
        return 0;
    if (!r->has_token)
        return -1;
    r->result = UPGRADE_DONE;
    return 1;
}

/* One line, of printable bytes: it will be shown on somebody's terminal. */
static int on_body(struct http_parser *http, const char *data, size_t len)
{
    struct upgrade_reader *r = http->data;

    for (size_t i = 0; i < len && r->result == UPGRADE_MORE; i++) {
        if (data[i] == '\r' || data[i] == '\n' || r->text_len == UPGRADE_TEXT_MAX)
            r->result = UPGRADE_REFUSED;
        else
            r->text[r->text_len++] = data[i] >= ' ' && data[i] <= '~' ? data[i] : '?';
    }
    return 0;
}

static int on_complete(struct http_parser *http)
{
    struct upgrade_reader *r = http->data;

    if (r->result == UPGRADE_MORE && http->status_code >= 200)
        r->result = UPGRADE_REFUSED;
    return 0;
}

static const struct http_parser_settings settings = {.on_message_begin = on_begin,
                                                     .on_header_field = on_name,
                                                     .on_header_value = on_value,
                                                     .on_headers_complete = on_head,
                                                     .on_body = on_body,
                                                     .on_message_complete = on_complete};

struct upgrade_reader *upgrade_reader_create(void)
{
    struct upgrade_reader *r = calloc(1, sizeof *r);

    if (!r)
        return NULL;
    http_parser_init(&r->http, HTTP_RESPONSE);
    r->http.data = r;
    return r;
}

void upgrade_reader_destroy(struct upgrade_reader *r)
{
    free(r);
}

static enum upgrade_result refuse(struct upgrade_reader *r)
{
    r->http.status_code = 0;
    return r->result = UPGRADE_REFUSED;
}

/* Byte by byte: what follows the head must not be taken with it, and little comes before. */
enum upgrade_result upgrade_reader_feed(struct upgrade_reader *r, const char *data, size_t len, size_t *used)
{
    *used = 0;
    while (r->result == UPGRADE_MORE && *used < len) {
        if (++r->head_len > UPGRADE_HEAD_MAX)
            return refuse(r);
        size_t n = http_parser_execute(&r->http, &settings, data + *used, 1);
        if (n != 1 && r->result == UPGRADE_MORE)
            return refuse(r);
        ++*used;
    }
    return r->result;
}

int upgrade_reader_status(const struct upgrade_reader *r)
{
    return (int)r->http.status_code;
}

const char *upgrade_reader_text(const struct upgrade_reader *r)
{
    return r->text;
}
