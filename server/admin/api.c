/* What the admin listener answers for programs: metrics, and what is held, as JSON. */
#include "base/error.h"
#include "server/admin/admin_state.h"
#include "server/admin/listing.h"
#include "server/admin/metrics.h"
#include "server/admin/metrics_text.h"
#include "server/held.h"
#include "server/log.h"
#include "server/server.h"
#include <stdlib.h>
#include <string.h>

#define TYPE_JSON "application/json"
#define NAMES     "/api/names/"

static enum MHD_Result serve_health(struct admin_request *r, const char *name)
{
    bool stops = server_stopping(r->admin->from.server);

    (void)name;
    return http_refuse(r, stops ? MHD_HTTP_SERVICE_UNAVAILABLE : MHD_HTTP_OK, stops ? "stopping" : "ok");
}

static enum MHD_Result serve_metrics(struct admin_request *r, const char *name)
{
    struct buf body;

    (void)name;
    buf_init(&body, 0);
    if (metrics_write(&r->admin->from, r->admin->status.begun_wall_ms, &body) == HX_OK)
        return http_answer(r, MHD_HTTP_OK, METRICS_TEXT_TYPE, &body);
    buf_free(&body);
    return MHD_NO;
}

/* Without memory the connection ends. */
static enum MHD_Result answer_json(struct admin_request *r, const struct json *j)
{
    if (j->err == HX_OK)
        return http_answer(r, MHD_HTTP_OK, TYPE_JSON, j->out);
    buf_free(j->out);
    return MHD_NO;
}

static enum MHD_Result serve_status(struct admin_request *r, const char *name)
{
    struct admin *a = r->admin;
    struct buf body;

    (void)name;
    buf_init(&body, 0);
    struct json j = json_begin(&body);
    status_write(&a->status, &a->from, &j, a->now_ms);
    return answer_json(r, &j);
}

/* ---- lists ---- */

static const char *argument(struct admin_request *r, const char *name)
{
    return MHD_lookup_connection_value(r->connection, MHD_GET_ARGUMENT_KIND, name);
}

/* False: `limit` is no number from 1 to the most. */
static bool read_listing(struct admin_request *r, struct listing *l)
{
    const char *limit = argument(r, "limit");
    size_t digits = limit ? strspn(limit, "0123456789") : 0;

    *l =
        (struct listing){.after = argument(r, "after"), .match = argument(r, "match"), .limit = LISTING_PAGE};
    if (!limit)
        return true;
    if (digits == 0 || digits > 4 || limit[digits] != '\0')
        return false;
    l->limit = atoi(limit);
    return l->limit >= 1 && l->limit <= LISTING_PAGE_MAX;
}

typedef int list_function(const struct admin_sources *from, const struct listing *l, struct json *j,
                          int64_t now_ms);

static enum MHD_Result serve_list(struct admin_request *r, list_function *list)
{
    struct listing l;
    struct buf body;

    if (!read_listing(r, &l))
        return http_refuse(r, MHD_HTTP_BAD_REQUEST, "limit is a number from 1 to 1000");
    buf_init(&body, 0);
    struct json j = json_begin(&body);
    if (list(&r->admin->from, &l, &j, r->admin->now_ms) == HX_OK)
        return answer_json(r, &j);
    buf_free(&body);
    return http_refuse(r, MHD_HTTP_BAD_REQUEST, "after is what an earlier page has as next");
}

static enum MHD_Result serve_names(struct admin_request *r, const char *name)
{
    (void)name;
    return serve_list(r, listing_names);
}

static enum MHD_Result serve_sessions(struct admin_request *r, const char *name)
{
    (void)name;
    return serve_list(r, listing_sessions);
}

static enum MHD_Result serve_introductions(struct admin_request *r, const char *name)
{
    struct buf body;

    (void)name;
    buf_init(&body, 0);
    struct json j = json_begin(&body);
    listing_introductions(&r->admin->introductions, &j, r->admin->now_ms);
    return answer_json(r, &j);
}

/* ---- one name ---- */

static enum MHD_Result refuse_unknown(struct admin_request *r)
{
    return http_refuse(r, MHD_HTTP_NOT_FOUND, "nobody holds this name");
}

static enum MHD_Result serve_name(struct admin_request *r, const char *name)
{
    struct buf body;

    buf_init(&body, 0);
    struct json j = json_begin(&body);
    if (listing_name(&r->admin->from, name, &j, r->admin->now_ms))
        return answer_json(r, &j);
    buf_free(&body);
    return refuse_unknown(r);
}

static enum MHD_Result kick(struct admin_request *r, const char *name)
{
    if (!held_kick(server_world(r->admin->from.server, r->admin->now_ms), name))
        return refuse_unknown(r);
    log_event(LOG_INFO, "kicked", "name", name);
    return http_refuse(r, MHD_HTTP_OK, "its holder has lost it");
}

static enum MHD_Result show_owner(struct admin_request *r, const char *name)
{
    char owner[AUTHORIZATION_KEY_TEXT_MAX];
    struct buf body;
    int state = held_owner(server_world(r->admin->from.server, r->admin->now_ms), name, owner);

    if (state == HX_ENOTFOUND)
        return http_refuse(r, MHD_HTTP_NOT_FOUND, "nobody owns this name");
    buf_init(&body, 0);
    struct json j = json_begin(&body);
    json_object(&j, NULL);
    json_text(&j, "name", name);
    json_text(&j, "owner", owner);
    json_bool(&j, "durable", state == HX_OK);
    json_end_object(&j);
    return answer_json(r, &j);
}

static enum MHD_Result forget_owner(struct admin_request *r, const char *name)
{
    int err = held_forget_owner(server_world(r->admin->from.server, r->admin->now_ms), name);

    if (err == HX_ENOTFOUND)
        return http_refuse(r, MHD_HTTP_NOT_FOUND, "nobody owns this name");
    if (err == HX_EAGAIN)
        return http_refuse(r, MHD_HTTP_CONFLICT, "it is becoming somebody's right now; ask again");
    if (err < 0)
        return http_refuse(r, MHD_HTTP_SERVICE_UNAVAILABLE,
                           "the names' owners cannot be written; see the log");
    log_event(LOG_INFO, "forgotten", "name", name);
    return http_refuse(r, MHD_HTTP_OK, "it is nobody's; the next key that binds it owns it");
}

static enum MHD_Result serve_owner(struct admin_request *r, const char *name)
{
    return r->changes ? forget_owner(r, name) : show_owner(r, name);
}

/* For names that no path may have: browsers take "." and ".." out of it, however they are written. */
static enum MHD_Result kick_any(struct admin_request *r, const char *name)
{
    (void)name;
    name = argument(r, "name");
    return kick(r, name ? name : "");
}

static enum MHD_Result serve_any_owner(struct admin_request *r, const char *name)
{
    (void)name;
    name = argument(r, "name");
    return serve_owner(r, name ? name : "");
}

static const struct api_route routes[] = {
    {.path = "/healthz", .serve = serve_health, .for_all = true}, /* it tells nothing */
    {.path = "/metrics", .serve = serve_metrics},
    {.path = "/api/status", .serve = serve_status},
    {.path = "/api/names", .serve = serve_names},
    {.path = "/api/sessions", .serve = serve_sessions},
    {.path = "/api/introductions", .serve = serve_introductions},
    {.path = "/api/kick", .serve = kick_any, .allow = "POST "},
    {.path = "/api/owner", .serve = serve_any_owner, .allow = API_LOOKS "DELETE "},
    {.path = "/events", .serve = events_begin},
};
/* Behind /api/names/NAME. */
static const struct api_route of_name[] = {
    {.path = "", .serve = serve_name},
    {.path = "/kick", .serve = kick, .allow = "POST "},
    {.path = "/owner", .serve = serve_owner, .allow = API_LOOKS "DELETE "},
};

static const struct api_route *find_name(const char *text, char name[HOST_ID_MAX + 1])
{
    size_t len = strcspn(text, "/");

    if (len == 0 || len > HOST_ID_MAX)
        return NULL;
    memcpy(name, text, len);
    name[len] = '\0';
    for (size_t i = 0; i < sizeof of_name / sizeof *of_name; i++)
        if (strcmp(of_name[i].path, text + len) == 0)
            return &of_name[i];
    return NULL;
}

const struct api_route *api_find(const char *path, char name[HOST_ID_MAX + 1])
{
    for (size_t i = 0; i < sizeof routes / sizeof *routes; i++)
        if (strcmp(routes[i].path, path) == 0)
            return &routes[i];
    return strncmp(path, NAMES, strlen(NAMES)) == 0 ? find_name(path + strlen(NAMES), name) : NULL;
}
