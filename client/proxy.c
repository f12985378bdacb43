#include "client/proxy.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *value_of(const char *variable)
{
    const char *value = getenv(variable);
    return value && value[0] != '\0' ? value : NULL;
}

/* The first of the variables that has a value, and that value; or NULL. */
static const char *first_of(const char *const *variables, const char **name)
{
    for (; *variables; variables++) {
        const char *value = value_of(*variables);
        *name = *variables;
        if (value)
            return value;
    }
    return NULL;
}

int proxy_choose(struct proxy *out, const struct host_port *to, bool tls, const char *url)
{
    /* CONNECT leads to any port: what is said for https serves where nothing else is said. */
    static const char *const http[] = {"http_proxy",  "all_proxy",   "ALL_PROXY",
                                       "https_proxy", "HTTPS_PROXY", NULL};
    static const char *const https[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", NULL};
    static const char *const exempt[] = {"no_proxy", "NO_PROXY", NULL};
    const char *unused;
    *out = (struct proxy){.to = *to, .tls = tls, .told_by = "the proxy's URL"};
    if (!url) {
        const char *list = first_of(exempt, &unused);
        if (list && no_proxy_names(list, to->host))
            return HX_OK;
        url = first_of(tls ? https : http, &out->told_by);
    }
    if (!url || url[0] == '\0')
        return HX_OK;
    out->used = true;
    return proxy_url_parse(&out->url, url);
}

size_t proxy_request(const struct proxy *p, char out[PROXY_REQUEST_MAX])
{
    char to[HOST_PORT_TEXT_MAX], basic[BASE64_SIZE(PROXY_CREDENTIALS_MAX)];
    bool authorized = p->url.credentials[0] != '\0';
    base64_encode(basic, p->url.credentials, strlen(p->url.credentials));
    host_port_format(&p->to, to);
    int len = snprintf(out, PROXY_REQUEST_MAX, "CONNECT %s HTTP/1.1\r\nHost: %s\r\n%s%s%s\r\n", to, to,
                       authorized ? "Proxy-Authorization: Basic " : "", authorized ? basic : "",
                       authorized ? "\r\n" : "");
    return (size_t)len;
}

void proxy_tell_unusable(const struct proxy *p, char text[PROXY_TEXT_MAX])
{
    snprintf(text, PROXY_TEXT_MAX,
             "%s is no http://[USER:PASSWORD@]HOST[:PORT]: proxies of other kinds are not used", p->told_by);
}

void proxy_tell_failure(const struct proxy *p, int error, char text[PROXY_TEXT_MAX])
{
    char proxy[HOST_PORT_TEXT_MAX];
    host_port_format(&p->url.at, proxy);
    if (error == HX_EPROTO || error == HX_ETOOBIG)
        snprintf(text, PROXY_TEXT_MAX, "what answers at %s is no HTTP proxy: check %s", proxy, p->told_by);
    else if (error == HX_EEOF || error == HX_ECLOSED)
        snprintf(text, PROXY_TEXT_MAX, "the proxy %s has closed the connection without an answer", proxy);
    else
        snprintf(text, PROXY_TEXT_MAX, "the proxy %s: %s: check %s", proxy, hx_error_text(error), p->told_by);
}

void proxy_tell_refusal(const struct proxy *p, int status, char text[PROXY_TEXT_MAX])
{
    char proxy[HOST_PORT_TEXT_MAX], to[HOST_PORT_TEXT_MAX];
    host_port_format(&p->url.at, proxy);
    host_port_format(&p->to, to);
    bool unauthorized = status == 407 || status == 401; /* some say so (tinyproxy) */
    if (unauthorized && p->url.credentials[0] == '\0')
        snprintf(
            text, PROXY_TEXT_MAX,
            "the proxy %s wants a name and a password: write them into %s, http://USER:PASSWORD@HOST:PORT",
            proxy, p->told_by);
    else if (unauthorized)
        snprintf(text, PROXY_TEXT_MAX, "the proxy %s does not accept the name and the password in %s", proxy,
                 p->told_by);
    else if (status == 403 || status == 405)
        snprintf(text, PROXY_TEXT_MAX, "the proxy %s lets nobody through to %s (%d)%s", proxy, to, status,
                 p->to.port == 443 ? "" : ": many allow port 443 alone, that of https://HOST");
    else if (status >= 502 && status <= 504)
        snprintf(text, PROXY_TEXT_MAX, "the proxy %s does not reach %s (%d)", proxy, to, status);
    else
        snprintf(text, PROXY_TEXT_MAX, "the proxy %s refuses to connect to %s (%d)", proxy, to, status);
}
