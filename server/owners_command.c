#include "server/owners_command.h"
#include "base/base64.h"
#include "base/error.h"
#include "proto/host_id.h"
#include "server/config.h"
#include "server/store_owners.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool owners_command_given(const struct server_config *config)
{
    return config->forget || config->tell_owners;
}

static int print_row(void *user, struct store_bytes name, const uint8_t key[STORE_KEY_BYTES],
                     const char *claimed)
{
    char text[BASE64URL_SIZE(STORE_KEY_BYTES)];

    (void)user;
    base64url_encode(text, key, STORE_KEY_BYTES);
    printf("%.*s ed25519:%s %s\n", (int)name.len, (const char *)name.data, text, claimed);
    return ferror(stdout) ? HX_ECLOSED : HX_OK;
}

static int forget(struct store_owners *o, const char *name)
{
    int err = store_owners_begin(o);

    if (err == HX_OK)
        err = store_owners_forget(o, (struct store_bytes){name, strlen(name)}, true);
    if (err == HX_OK || err == HX_ENOTFOUND) {
        int end = store_owners_commit(o);
        err = end < 0 ? end : err;
    }
    return err;
}

static int run(struct store_owners *o, const struct server_config *config)
{
    int err = config->forget ? forget(o, config->forget) : HX_OK;

    if (err == HX_ENOTFOUND) {
        fprintf(stderr, "hx-nameserver: nobody owns '%s'; see --owners\n", config->forget);
        return EXIT_FAILURE;
    }
    if (err == HX_OK && config->tell_owners)
        err = store_owners_each(o, true, print_row, NULL);
    if (err == HX_ESYS)
        fprintf(stderr, "hx-nameserver: %s: %s\n", config->auth_db, store_owners_error(o));
    else if (fflush(stdout) != 0 || ferror(stdout))
        fputs("hx-nameserver: cannot write to standard output\n", stderr);
    else
        return EXIT_SUCCESS;
    return EXIT_FAILURE;
}

int owners_command(const struct server_config *config)
{
    char error[STORE_OWNERS_ERROR_MAX];
    struct store_owners *o;

    if (config->forget && !host_id_valid(config->forget, strlen(config->forget))) {
        fprintf(stderr, "hx-nameserver: '%.255s' cannot be a name\n", config->forget);
        return EXIT_FAILURE;
    }
    if (store_owners_open(&o, config->auth_db, false, error) < 0) {
        fprintf(stderr, "hx-nameserver: %s\n", error);
        return EXIT_FAILURE;
    }
    int status = run(o, config);
    store_owners_close(o);
    return status;
}
