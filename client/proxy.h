/* client/proxy.h: which HTTP proxy leads to a host, what it is asked (CONNECT; RFC 9110, 9.3.6), and what its
 * answers mean for whoever reads them. No I/O but for the environment. */
#ifndef HX_CLIENT_PROXY_H
#define HX_CLIENT_PROXY_H

#include "base/base64.h"
#include "base/error.h"
#include "proto/proxy_url.h"
#include <stddef.h>

#define PROXY_TEXT_MAX 768 /* bytes of a sentence, with its NUL */
/* Bytes of a request. */
#define PROXY_REQUEST_MAX (2 * HOST_PORT_HOST_MAX + BASE64_SIZE(PROXY_CREDENTIALS_MAX) + 128)

struct proxy {
    bool used; /* else: no proxy, and nothing of what follows */
    struct proxy_url url;
    const char *told_by; /* "https_proxy" or another variable; "the proxy's URL" */
    struct host_port to; /* who is beyond it */
    bool tls;            /* spoken with that one */
};

/* The one that leads to `to`. `url`: NULL: what the environment says, as curl takes it: https_proxy or
 * HTTPS_PROXY with `tls`, http_proxy without (HTTP_PROXY may be what somebody has sent to a CGI program),
 * else all_proxy or ALL_PROXY; but for those that no_proxy or NO_PROXY names. Beyond curl: without `tls` and
 * any of these, what is said for https. "": none. HX_OK; HX_EINVAL: what is said (out->told_by) is no URL of
 * an HTTP proxy. */
int proxy_choose(struct proxy *out, const struct host_port *to, bool tls, const char *url);
/* Its length; without a NUL. */
size_t proxy_request(const struct proxy *p, char out[PROXY_REQUEST_MAX]);

/* Sentences without their end, what is wrong and what to do: it was not used, since it is none; ... */
void proxy_tell_unusable(const struct proxy *p, char text[PROXY_TEXT_MAX]);
/* ... it was not reached, or has not answered, or with something else than HTTP; ... */
void proxy_tell_failure(const struct proxy *p, int error, char text[PROXY_TEXT_MAX]);
/* ... it has answered so, and not with 2xx. */
void proxy_tell_refusal(const struct proxy *p, int status, char text[PROXY_TEXT_MAX]);

#endif
