#include "test/udtcurl/compose.h"
#include "base/buf.h"
#include "base/error.h"
#include "test/udtcurl/args.h"
#include "test/udtcurl/proof.h"
#include "test/udtcurl/url.h"
#include <string.h>
#include <strings.h>

const char *compose_method(const struct args *a)
{
    if (a->method)
        return a->method;
    return a->head ? "HEAD" : "GET";
}

static bool names(const char *line, const char *name)
{
    size_t len = strcspn(line, ":;");
    return len == strlen(name) && strncasecmp(line, name, len) == 0;
}

static bool given(const struct args *a, const char *name)
{
    for (size_t i = 0; i < a->header_count; i++)
        if (names(a->headers[i], name))
            return true;
    return false;
}

static int write_default(struct buf *out, const struct args *a, const char *name, const char *value)
{
    return given(a, name) ? HX_OK : buf_printf(out, "%s: %s\r\n", name, value);
}

static int write_given(struct buf *out, const char *line)
{
    size_t len = strcspn(line, ":;");
    const char *rest = line + len;
    if (*rest == ':')
        return rest[1 + strspn(rest + 1, " \t")] ? buf_printf(out, "%s\r\n", line) : HX_OK;
    if (*rest == ';' && rest[1] == '\0')
        return buf_printf(out, "%.*s:\r\n", (int)len, line);
    return HX_OK; /* as curl: neither form is no header */
}

/* The Host as it is sent; "" without one. */
static const char *host_of(const struct args *a, const struct url *u)
{
    for (size_t i = 0; i < a->header_count; i++) {
        const char *line = a->headers[i];
        size_t len = strcspn(line, ":;");
        if (names(line, "Host"))
            return line[len] == ':' ? line + len + 1 + strspn(line + len + 1, " \t") : "";
    }
    return u->authority;
}

int compose_request(struct buf *out, const struct args *a, const struct url *u, const struct identity *key,
                    const char *nonce)
{
    int err = buf_printf(out, "%s %s HTTP/1.1\r\n", compose_method(a), a->target ? a->target : u->target);
    if (err == HX_OK)
        err = write_default(out, a, "Host", u->authority);
    if (err == HX_OK)
        err = write_default(out, a, "User-Agent", "udtcurl/" HX_VERSION);
    if (err == HX_OK)
        err = write_default(out, a, "Accept", "*/*");
    for (size_t i = 0; i < a->header_count && err == HX_OK; i++)
        err = write_given(out, a->headers[i]);
    if (err == HX_OK && key)
        err =
            proof_write(out, key, nonce, compose_method(a), a->target ? a->target : u->target, host_of(a, u));
    return err == HX_OK ? buf_append(out, "\r\n", 2) : err;
}
