#include "server/config_auth.h"
#include "base/error.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int config_auth_parse(struct server_config *c, const char *value)
{
    if (strcmp(value, "tofu") == 0) {
        if (c->auth_tofu)
            return HX_EINVAL;
        c->auth_tofu = true;
        return HX_OK;
    }
    return c->auth_file[0] ? HX_EINVAL : server_config_text(c->auth_file, sizeof c->auth_file, value);
}

int config_auth_parse_db(struct server_config *c, const char *value)
{
    return server_config_text(c->auth_db, sizeof c->auth_db, value);
}

/* Several directories have a colon between two (systemd.exec(5)). */
int config_auth_check(struct server_config *c, char error[CONFIG_ERROR_MAX])
{
    bool wanted = c->auth_tofu || c->forget || c->tell_owners;
    const char *state = getenv("STATE_DIRECTORY");
    size_t len = state ? strcspn(state, ":") : 0;

    if (!wanted || c->auth_db[0])
        return HX_OK;
    if (len == 0 || len + sizeof "/owners.db" > sizeof c->auth_db) {
        snprintf(error, CONFIG_ERROR_MAX,
                 "there is no file for the owners of names; give one with --auth-db, or a StateDirectory= to "
                 "systemd");
        return HX_EINVAL;
    }
    snprintf(c->auth_db, sizeof c->auth_db, "%.*s/owners.db", (int)len, state);
    return HX_OK;
}

int config_auth_parse_host(struct server_config *c, const char *value)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:[]";

    if (c->auth_host_count == CONFIG_AUTH_HOSTS_MAX || value[strspn(value, allowed)] != '\0' ||
        server_config_text(c->auth_hosts[c->auth_host_count], CONFIG_AUTH_HOST_MAX, value) < 0)
        return HX_EINVAL;
    c->auth_host_count++;
    return HX_OK;
}
