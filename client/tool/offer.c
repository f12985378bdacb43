#include "client/tool/offer.h"
#include "client/forward/say.h"
#include "client/tool/grant.h"
#include "client/tool/info.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>

static int offer_allow(struct offer *o, const char *target)
{
    int err = o->allow ? HX_OK : allow_create(&o->allow);
    o->serve.allow = o->allow;
    if (err == HX_OK)
        err = allow_add(o->allow, target);
    return err < 0 ? err : info_add(&o->targets, "allow", target);
}

static int offer_listen(struct offer *o, const char *pattern)
{
    int err = o->permit ? HX_OK : permit_create(&o->permit);
    o->serve.permit = o->permit;
    if (err == HX_OK)
        err = permit_add(o->permit, pattern);
    return err < 0 ? err : info_add(&o->targets, "allow-listen", pattern);
}

static bool offer_share(struct offer *o, const char *spec)
{
    if (o->share) {
        say_error("--key-label %s: share can be given once", o->label);
        return false;
    }
    int err = share_open(&o->share, spec);
    if (err < 0)
        say_error("--share %s: %s", spec, err == HX_ESYS ? strerror(errno) : hx_strerror(err));
    o->serve.share = o->share;
    return err == HX_OK;
}

/* "ro" and "rw" are ways to use the directory of --share. */
static bool grant_share(struct offer *o, const struct args *args, const char *value)
{
    char spec[PATH_MAX];
    if (strcmp(value, "ro") != 0 && strcmp(value, "rw") != 0)
        return offer_share(o, value);
    if (!args->share) {
        say_error("--key-label %s: share=%s is of the directory of --share: give that, too, or share=DIR",
                  o->label, value);
        return false;
    }
    size_t len = strlen(args->share);
    if (len > 3 && (strcmp(args->share + len - 3, ":ro") == 0 || strcmp(args->share + len - 3, ":rw") == 0))
        len -= 3;
    snprintf(spec, sizeof spec, "%.*s:%s", (int)len, args->share, value);
    return offer_share(o, spec);
}

static bool grant_one(struct offer *o, const struct args *args, struct run_offer *run, enum grant_kind kind,
                      const char *value)
{
    int err = HX_OK;
    switch (kind) {
    case GRANT_SHARE:
        return grant_share(o, args, value);
    case GRANT_EXEC:
        if (!args->exec) {
            say_error("--key-label %s: exec is for the command of --exec: give that, too", o->label);
            return false;
        }
        o->serve.run = run;
        break;
    case GRANT_ECHO:
        o->serve.echo = true;
        break;
    case GRANT_ALLOW:
        err = offer_allow(o, value);
        break;
    case GRANT_ALLOW_LISTEN:
        err = offer_listen(o, value);
        break;
    }
    if (err < 0)
        say_error("--key-label %s: %s", o->label, hx_strerror(err));
    return err == HX_OK;
}

/* Two entries of one label are one. */
static struct offer *of_label(struct offers *all, const char *label)
{
    for (int i = 1; i < all->count; i++) {
        if (strcmp(all->list[i].label, label) == 0)
            return &all->list[i];
    }
    struct offer *o = &all->list[all->count++];
    *o = (struct offer){.serve = {.udp_timeout_s = all->list[0].serve.udp_timeout_s, .targets = &o->targets}};
    snprintf(o->label, sizeof o->label, "%s", label);
    return o;
}

static bool grant(struct offers *all, const struct args *args, struct run_offer *run, const char *text)
{
    struct grant g;
    char error[GRANT_ERROR_MAX];
    if (grant_parse(&g, text, error) < 0) {
        say_error("--key-label: %s", error);
        return false;
    }
    struct offer *o = of_label(all, g.label);
    for (int i = 0; i < g.count; i++) {
        if (!grant_one(o, args, run, g.whats[i].kind, g.whats[i].value))
            return false;
    }
    return true;
}

static bool offer_all(struct offer *o, const struct args *args, struct run_offer *run)
{
    int err = HX_OK;
    o->serve = (struct serve_config){.echo = args->echo,
                                     .udp_timeout_s = args->udp_timeout_s,
                                     .run = args->exec ? run : NULL,
                                     .targets = &o->targets};
    for (int i = 0; i < args->allow_count && err == HX_OK; i++)
        err = offer_allow(o, args->allow[i]);
    for (int i = 0; i < args->allow_listen_count && err == HX_OK; i++)
        err = offer_listen(o, args->allow_listen[i]);
    if (err < 0)
        say_error("--allow: %s", hx_strerror(err));
    return err == HX_OK && (!args->share || offer_share(o, args->share));
}

bool offers_open(struct offers *out, const struct args *args, struct run_offer *run)
{
    out->list[0] = (struct offer){0};
    out->count = 1;
    bool offered = offer_all(&out->list[0], args, run);
    for (int i = 0; i < args->key_label_count && offered; i++)
        offered = grant(out, args, run, args->key_labels[i]);
    return offered;
}

const struct serve_config *offers_for(const struct offers *all, const char *label)
{
    for (int i = 1; i < all->count; i++) {
        if (strcmp(all->list[i].label, label) == 0)
            return &all->list[i].serve;
    }
    return &all->list[0].serve;
}

void offers_close(struct offers *all)
{
    for (int i = 0; i < all->count; i++) {
        struct offer *o = &all->list[i];
        if (o->allow)
            allow_destroy(o->allow);
        if (o->permit)
            permit_destroy(o->permit);
        if (o->share)
            share_close(o->share);
        buf_free(&o->targets);
    }
    all->count = 0;
}
