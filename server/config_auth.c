#include "server/config_auth.h"
#include "base/error.h"
#include <string.h>

int config_auth_parse(struct server_config *c, const char *value)
{
    if (strcmp(value, "tofu") == 0) {
        if (c->auth_tofu)
            return HX_EINVAL;
        c->auth_tofu = true;
        return HX_OK;
    }
    if (c->auth_file[0] || value[0] == '\0' || strlen(value) >= sizeof c->auth_file)
        return HX_EINVAL;
    strcpy(c->auth_file, value);
    return HX_OK;
}

int config_auth_parse_host(struct server_config *c, const char *value)
{
    static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._:[]";

    if (c->auth_host_count == CONFIG_AUTH_HOSTS_MAX || value[0] == '\0' ||
        strlen(value) >= CONFIG_AUTH_HOST_MAX || strspn(value, allowed) != strlen(value))
        return HX_EINVAL;
    strcpy(c->auth_hosts[c->auth_host_count++], value);
    return HX_OK;
}
