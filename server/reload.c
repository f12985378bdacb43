#include "server/reload.h"
#include "base/buf.h"
#include "base/error.h"
#include "server/auth.h"
#include "server/config.h"
#include "server/config_changes.h"
#include "server/log.h"
#include "server/relay.h"
#include "server/server.h"
#include "server/store.h"
#include "server/stun.h"
#include "server/tcp.h"
#include "shim/udt/udt.h"
#include <stdlib.h>
#include <string.h>

#define CONFIG_TEXT_MAX (1 << 20) /* bytes of the file of --config */

struct reload {
    struct reload_config c;
    struct store_text_events events;
    struct buf config;         /* its text, as far as it has come */
    struct auth_parser *rules; /* of the rules' text, as far as it has come; NULL: nothing has */
    int err;                   /* of what has come so far */
};

static void begin_texts(struct reload *r)
{
    buf_free(&r->config);
    auth_parser_destroy(r->rules);
    r->rules = NULL;
    r->err = HX_OK;
}

static int take_rules(struct reload *r, const char *data, size_t len)
{
    int err = r->rules ? HX_OK : auth_parser_create(&r->rules, r->c.running->auth_file);

    return err < 0 ? err : auth_parser_feed(r->rules, data, len);
}

static void take_piece(void *user, enum store_text which, const void *data, size_t len)
{
    struct reload *r = user;

    if (r->err < 0)
        return;
    if (which == STORE_TEXT_CONFIG)
        r->err = buf_append(&r->config, data, len);
    else if (which == STORE_TEXT_AUTH && r->c.auth)
        r->err = take_rules(r, data, len);
}

/* Whoever holds a name, or waits for one, keeps it; limits are for what is to come. */
static void apply(const struct reload *r)
{
    const struct server_config *c = r->c.running;

    server_reconfigure(r->c.server, c);
    if (r->c.stun)
        stun_reconfigure(r->c.stun, c);
    if (r->c.relay)
        relay_reconfigure(r->c.relay, c);
    if (r->c.tcp)
        tcp_reconfigure(r->c.tcp, c);
    for (size_t i = 0; i < r->c.port_count; i++)
        udt_port_set_rate(r->c.ports[i], (unsigned)c->rate_per_address);
    log_set_level(c->log_level);
    log_set_format(c->log_format);
    log_set_addresses(c->log_addresses);
}

/* The end of the rules' text, which may have been empty. */
static int finish_rules(struct reload *r, int which, struct auth_rules **rules)
{
    int err = r->err;

    if (err == HX_OK && (which & STORE_TEXT_AUTH) && r->c.auth && (err = take_rules(r, "", 0)) == HX_OK)
        err = auth_parser_finish(r->rules, rules);
    return err;
}

/* HX_OK, or HX_EINVAL with `error`. */
static int parse(struct reload *r, int which, struct server_config *wanted, struct auth_rules **rules,
                 char error[CONFIG_ERROR_MAX])
{
    int err = finish_rules(r, which, rules);

    if (err < 0) {
        const char *why = r->rules ? auth_parser_error(r->rules) : "";

        snprintf(error, CONFIG_ERROR_MAX, "%s", why[0] ? why : hx_error_text(err));
        return HX_EINVAL;
    }
    *wanted = *r->c.running;
    if ((which & STORE_TEXT_CONFIG) == 0)
        return HX_OK;
    return server_config_read_again(wanted, r->c.argc, r->c.argv, buf_data(&r->config), r->config.len,
                                    error) == CONFIG_RUN
               ? HX_OK
               : HX_EINVAL;
}

/* Whoever may not any more ends. */
static void apply_rules(const struct reload *r, struct auth_rules *rules)
{
    auth_use_rules(r->c.auth, rules);
    server_reauthorize(r->c.server);
}

/* `rules`: NULL: they were not read. */
static void log_reloaded(const struct config_changes *changes, const struct auth_rules *rules)
{
    log_always(LOG_INFO, "reloaded", "changed", changes->made[0] ? changes->made : "nothing", "needs_restart",
               changes->missed[0] ? changes->missed : NULL, "rules",
               LOG_NUM_IF(rules, (int64_t)auth_rules_count(rules)));
}

static void finish(struct reload *r, int which)
{
    struct server_config *wanted = malloc(sizeof *wanted); /* it is large */
    struct auth_rules *rules = NULL;
    struct config_changes changes;
    char error[CONFIG_ERROR_MAX] = "out of memory";

    if (!wanted || parse(r, which, wanted, &rules, error) < 0) {
        auth_rules_destroy(rules);
        log_always(LOG_ERROR, "not_reloaded", "reason", error);
    } else {
        config_change(r->c.running, wanted, &changes);
        apply(r);
        if (which & STORE_TEXT_AUTH)
            apply_rules(r, rules);
        log_reloaded(&changes, rules);
    }
    free(wanted);
}

static void take_end(void *user, int which, const char *error)
{
    struct reload *r = user;

    if (error[0])
        log_always(LOG_ERROR, "not_reloaded", "reason", error);
    else
        finish(r, which);
    begin_texts(r);
    r->c.done(r->c.user);
}

void reload_begin(struct reload *r)
{
    int err = r->c.store ? store_read(r->c.store, STORE_TEXT_CONFIG | STORE_TEXT_AUTH) : HX_ENOTFOUND;

    if (err == HX_OK)
        return;
    log_always(err == HX_ENOTFOUND ? LOG_INFO : LOG_ERROR, "not_reloaded", "reason",
               err == HX_ENOTFOUND ? "there is no --config and no --auth whose file could be read again"
                                   : hx_error_text(err));
    r->c.done(r->c.user);
}

int reload_create(struct reload **out, const struct reload_config *config)
{
    struct reload *r = calloc(1, sizeof *r);

    if (!r)
        return HX_ENOMEM;
    r->events = (struct store_text_events){.piece = take_piece, .read_end = take_end, .user = r};
    r->c = *config;
    buf_init(&r->config, CONFIG_TEXT_MAX);
    if (r->c.store)
        store_tell_texts(r->c.store, &r->events);
    *out = r;
    return HX_OK;
}

void reload_destroy(struct reload *r)
{
    if (!r)
        return;
    begin_texts(r);
    free(r);
}
