#include "proto/upgrade.h"
#include "base/buf.h"
#include "base/error.h"
#include "base/percent.h"
#include "proto/endpoint.h"
#include "proto/response.h"
#include <stdlib.h>
#include <string.h>

#define TARGET_BEGIN "/.well-known/masque/udp/"

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
    struct response_reader *response;
    enum upgrade_result result;
    int status;
    size_t head_len;
    char text[UPGRADE_TEXT_MAX + 1];
    size_t text_len;
};

static enum upgrade_result refuse(struct upgrade_reader *r)
{
    r->status = 0;
    return r->result = UPGRADE_REFUSED;
}

static void on_head_bytes(void *user, const char *data, size_t len)
{
    struct upgrade_reader *r = user;

    (void)data;
    r->head_len += len;
    if (r->head_len > UPGRADE_HEAD_MAX)
        refuse(r);
}

static void on_head(void *user, const struct response_head *head)
{
    struct upgrade_reader *r = user;

    if (r->result == UPGRADE_REFUSED)
        return;
    r->status = head->status;
    if (head->status == 101 && head->connect_udp)
        r->result = UPGRADE_DONE;
    else if (head->status == 101)
        refuse(r);
}

/* One line, of printable bytes: it will be shown on somebody's terminal. */
static void on_body(void *user, const char *data, size_t len)
{
    struct upgrade_reader *r = user;

    for (size_t i = 0; i < len && r->result == UPGRADE_MORE; i++) {
        if (data[i] == '\r' || data[i] == '\n' || r->text_len == UPGRADE_TEXT_MAX)
            r->result = UPGRADE_REFUSED;
        else
            r->text[r->text_len++] = data[i] >= ' ' && data[i] <= '~' ? data[i] : '?';
    }
}

struct upgrade_reader *upgrade_reader_create(void)
{
    struct upgrade_reader *r = calloc(1, sizeof *r);
    const struct response_callbacks callbacks = {
        .on_head_bytes = on_head_bytes, .on_head = on_head, .on_body = on_body, .user = r};

    if (r && response_reader_create(&r->response, false, &callbacks) < 0) {
        free(r);
        return NULL;
    }
    return r;
}

void upgrade_reader_destroy(struct upgrade_reader *r)
{
    if (!r)
        return;
    response_reader_destroy(r->response);
    free(r);
}

enum upgrade_result upgrade_reader_feed(struct upgrade_reader *r, const char *data, size_t len, size_t *used)
{
    ssize_t n = response_reader_feed(r->response, data, len);

    *used = n > 0 ? (size_t)n : 0;
    if (n < 0 && r->result == UPGRADE_MORE)
        return refuse(r);
    if (response_reader_done(r->response) && r->result == UPGRADE_MORE)
        r->result = UPGRADE_REFUSED;
    return r->result;
}

int upgrade_reader_status(const struct upgrade_reader *r)
{
    return r->status;
}

const char *upgrade_reader_text(const struct upgrade_reader *r)
{
    return r->text;
}
