/* What is asked of the admin listener, and who may ask it. */
#include "base/clock.h"
#include "base/error.h"
#include "server/admin/admin_state.h"
#include "server/admin/page.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <utlist.h>

#define TYPE_TEXT "text/plain; charset=utf-8"

/* ---- suspended requests ---- */

void http_suspend(struct admin_request *r, struct admin_request **list)
{
    MHD_suspend_connection(r->connection);
    r->list = list;
    DL_APPEND(*list, r);
}

void http_resume_all(struct admin_request **list)
{
    struct admin_request *r;

    while ((r = *list) != NULL) {
        DL_DELETE(*list, r);
        r->list = NULL;
        MHD_resume_connection(r->connection);
    }
}

/* ---- answers ---- */

enum MHD_Result http_queue(struct admin_request *r, unsigned status, struct MHD_Response *response)
{
    static const char *const fields[][2] = {
        {"X-Content-Type-Options", "nosniff"},
        {"Referrer-Policy", "no-referrer"},
        {"Content-Security-Policy",
         "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
         "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; "
         "trusted-types 'none'"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
    };

    if (!response)
        return MHD_NO; /* ends the connection */
    for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
        (void)MHD_add_response_header(response, fields[i][0], fields[i][1]);
    if (!MHD_get_response_header(response, "Cache-Control"))
        (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    enum MHD_Result result = MHD_queue_response(r->connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static struct MHD_Response *response_of(const char *type, struct buf *body)
{
    struct MHD_Response *response;

    if (body->start > 0 || body->len == 0)
        response = MHD_create_response_from_buffer(body->len, (void *)(uintptr_t)buf_data(body),
                                                   MHD_RESPMEM_MUST_COPY);
    else
        response = MHD_create_response_from_buffer(body->len, body->data, MHD_RESPMEM_MUST_FREE);
    if (!response || body->start > 0 || body->len == 0)
        buf_free(body);
    else
        buf_init(body, 0); /* it is the response's */
    if (response)
        (void)MHD_add_response_header(response, "Content-Type", type);
    return response;
}

enum MHD_Result http_answer(struct admin_request *r, unsigned status, const char *type, struct buf *body)
{
    return http_queue(r, status, response_of(type, body));
}

static struct MHD_Response *line(const char *text)
{
    struct buf body;

    buf_init(&body, 0);
    (void)buf_printf(&body, "%s\n", text);
    return response_of(TYPE_TEXT, &body);
}

enum MHD_Result http_refuse(struct admin_request *r, unsigned status, const char *text)
{
    return http_queue(r, status, line(text));
}

/* ---- the page ---- */

/* The token shall not stay in the browser's history: the page is asked for again with the cookie. */
static enum MHD_Result take_token(struct admin_request *r)
{
    char field[sizeof r->admin->access.cookie + 64];
    struct MHD_Response *response = line("see /");

    snprintf(field, sizeof field, ACCESS_COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict",
             r->admin->access.cookie);
    if (response) {
        (void)MHD_add_response_header(response, "Set-Cookie", field);
        (void)MHD_add_response_header(response, "Location", "/");
    }
    return http_queue(r, MHD_HTTP_SEE_OTHER, response);
}

static enum MHD_Result serve_file(struct admin_request *r, const struct page_file *f)
{
    const char *known = MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, "If-None-Match");
    bool same = known && strstr(known, f->etag);
    struct MHD_Response *response = MHD_create_response_from_buffer(
        same ? 0 : f->size, (void *)(uintptr_t)f->data, MHD_RESPMEM_PERSISTENT);

    if (response) {
        (void)MHD_add_response_header(response, "Content-Type", f->type);
        (void)MHD_add_response_header(response, "ETag", f->etag);
        (void)MHD_add_response_header(response, "Cache-Control", "no-cache");
    }
    return http_queue(r, same ? MHD_HTTP_NOT_MODIFIED : MHD_HTTP_OK, response);
}

/* ---- who may ask ---- */

static const char *header(struct admin_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_HEADER_KIND, name);
}

static enum access_answer check(struct admin_request *r)
{
    const struct access_request asked = {
        .authorization = header(r, "Authorization"),
        .cookie = MHD_lookup_connection_value(r->connection, MHD_COOKIE_KIND, ACCESS_COOKIE),
        .host = header(r, "Host"),
        .origin = header(r, "Origin"),
        .by_path = r->peer->listener->by_path};

    return access_check(&r->admin->access, &asked, r->changes);
}

static enum MHD_Result refuse_access(struct admin_request *r, enum access_answer why)
{
    struct MHD_Response *response;

    switch (why) {
    case ACCESS_STRANGE_HOST:
        return http_refuse(
            r, MHD_HTTP_MISDIRECTED_REQUEST,
            "this is served under its loopback address or localhost alone; for another name give "
            "--admin-token");
    case ACCESS_STRANGE_ORIGIN:
        return http_refuse(r, MHD_HTTP_FORBIDDEN, "another site's page may not change anything here");
    case ACCESS_NO_TOKEN:
    case ACCESS_GRANTED:
    default:
        response = line("give the token of --admin-token: as Authorization: Bearer TOKEN, or a browser as "
                        "/?token=TOKEN");
        if (response)
            (void)MHD_add_response_header(response, "WWW-Authenticate", "Bearer");
        return http_queue(r, MHD_HTTP_UNAUTHORIZED, response);
    }
}

static bool allows(const char *allow, const char *method)
{
    const char *at = strstr(allow, method);

    return at && at[strlen(method)] == ' ' && (at == allow || at[-1] == ' ');
}

static enum MHD_Result refuse_method(struct admin_request *r, const char *allow)
{
    struct MHD_Response *response = line("no such method here; see Allow");
    char value[64];
    int len = 0;

    for (const char *at = allow; *at && len < (int)sizeof value; at += strcspn(at, " ") + 1)
        len += snprintf(value + len, sizeof value - (size_t)len, "%s%.*s", len > 0 ? ", " : "",
                        (int)strcspn(at, " "), at);
    if (response)
        (void)MHD_add_response_header(response, "Allow", value);
    return http_queue(r, MHD_HTTP_METHOD_NOT_ALLOWED, response);
}

static enum MHD_Result serve(struct admin_request *r, const char *path, const char *method)
{
    char name[HOST_ID_MAX + 1] = "";
    const struct api_route *route = api_find(path, name);
    const struct page_file *file = route ? NULL : page_find(path);
    const char *allow = route && route->allow ? route->allow : API_LOOKS;
    const char *token = MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, "token");

    r->changes = !allows(API_LOOKS, method);
    if (strcmp(path, "/") == 0 && !r->changes && token && access_token_right(&r->admin->access, token))
        return take_token(r);
    enum access_answer access = check(r);
    if (access != ACCESS_GRANTED && (!route || !route->for_all))
        return refuse_access(r, access);
    if (!route && !file)
        return http_refuse(r, MHD_HTTP_NOT_FOUND, "there is nothing here; see /");
    if (!allows(allow, method))
        return refuse_method(r, allow);
    return file ? serve_file(r, file) : route->serve(r, name);
}

/* ---- what libmicrohttpd calls ---- */

static bool body_too_long(struct admin_request *r)
{
    const char *length = header(r, "Content-Length");

    return header(r, "Transfer-Encoding") || (length && strtoull(length, NULL, 10) > ADMIN_BODY_MAX);
}

static struct admin_request *begin(struct admin_listener *l, struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct admin_request *r = info && info->socket_context ? calloc(1, sizeof *r) : NULL;

    if (!r)
        return NULL;
    r->admin = l->admin;
    r->connection = connection;
    r->peer = info->socket_context;
    r->peer->deadline_ms = l->admin->now_ms + ADMIN_IDLE_MS;
    buf_init(&r->event, 0);
    return r;
}

enum MHD_Result http_request(void *listener, struct MHD_Connection *connection, const char *path,
                             const char *method, const char *version, const char *body, size_t *body_len,
                             void **request)
{
    struct admin_listener *l = listener;
    struct admin_request *r = *request;
    struct admin *a = l->admin;

    (void)version;
    (void)body;
    if (a->ended)
        return MHD_NO;
    if (!r) { /* its body, if there is one, has not come */
        *request = r = begin(l, connection);
        if (!r)
            return MHD_NO;
        return body_too_long(r) ? http_refuse(r, MHD_HTTP_CONTENT_TOO_LARGE, "no body is needed") : MHD_YES;
    }
    if (*body_len > 0) {
        *body_len = 0;
        return MHD_YES;
    }
    if (!a->serving || a->spent_us >= ADMIN_TURN_US) {
        http_suspend(r, &a->waiting);
        return MHD_YES;
    }
    int64_t begun_us = clock_now_us();
    enum MHD_Result result = serve(r, path, method);
    a->spent_us += clock_now_us() - begun_us;
    return result;
}

void http_completed(void *listener, struct MHD_Connection *connection, void **request,
                    enum MHD_RequestTerminationCode why)
{
    struct admin_request *r = *request;

    (void)listener;
    (void)connection;
    (void)why;
    if (!r)
        return;
    *request = NULL;
    r->peer->deadline_ms = r->admin->now_ms + ADMIN_IDLE_MS;
    if (r->list)
        DL_DELETE(*r->list, r);
    events_end(r);
    buf_free(&r->event);
    free(r);
}
