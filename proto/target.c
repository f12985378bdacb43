#include "proto/target.h"

#include "base/percent.h"
#include "proto/request.h"
#include "proto/upgrade.h"
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

static bool percent_encoding_valid(const char *text)
{
    for (; (text = strchr(text, '%')); text += 3)
        if (percent_byte(text, strlen(text)) < 0)
            return false;
    return true;
}

/* In place; the whole target was found valid. '+' is a character of names and stays what it is: this is
 * no HTML form. */
static void decode(char *text)
{
    (void)percent_decode(text, text, strlen(text));
}

/* The path and query of an absolute-form target: what follows scheme "://" authority; NULL if it is none. */
static char *skip_authority(char *target)
{
    size_t scheme_len = strspn(target, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-.");

    if (!isalpha((unsigned char)target[0]) || strncmp(target + scheme_len, "://", 3) != 0)
        return NULL;
    char *authority = target + scheme_len + 3;
    size_t authority_len = strcspn(authority, "/?");
    return authority_len > 0 ? authority + authority_len : NULL;
}

/* Copies a decoded parameter's value; a name that came before makes the request ambiguous. */
static int take_name(char name[HOST_ID_MAX + 1], const char *value, bool join, const char **why)
{
    size_t len = strlen(value);

    if (*name) {
        *why = join ? "session or name is given twice: give each once"
                    : "host_id or name is given twice: give each once";
        return 400;
    }
    if (!host_id_valid(value, len)) {
        *why =
            join ? "session and name are 1 to 255 letters, digits or any of !#$%&'*+-.^_`|~@: choose such a "
                   "name and percent-encode it"
                 : "host_id and name are 1 to 255 letters, digits or any of !#$%&'*+-.^_`|~@: choose such a "
                   "name and percent-encode it";
        return 400;
    }
    memcpy(name, value, len + 1);
    return 0;
}

static int take_expect(struct request *out, const char *value, const char **why)
{
    size_t digits = strspn(value, "0123456789");
    long n = digits > 0 && digits < 10 && !value[digits] ? strtol(value, NULL, 10) : 0;

    if (out->expect) {
        *why = "expect is given twice: give it once";
        return 400;
    }
    if (n < MEMBERS_MIN || n > MEMBERS_MAX) {
        *why = "expect is no number from 2 to 64: say how many members there shall be, yourself counted";
        return 400;
    }
    out->expect = (uint8_t)n;
    return 0;
}

static int take_parameter(struct request *out, struct request_names *names, const char *key,
                          const char *value, const char **why)
{
    bool join = out->target == REQUEST_JOIN;

    if (strcmp(key, join ? "session" : "host_id") == 0)
        return take_name(names->host_id, value, join, why);
    if (strcmp(key, "name") == 0 && (join || (out->target == REQUEST_CONNECT && *value)))
        return take_name(names->name, value, join, why);
    return join && strcmp(key, "expect") == 0 ? take_expect(out, value, why) : 0;
}

/* `query` may be NULL. */
static int read_query(char *query, struct request *out, struct request_names *names, const char **why)
{
    char *parameter;
    int status = 0;

    while (status == 0 && (parameter = strsep(&query, "&"))) {
        char *key = strsep(&parameter, "=");
        char *value = parameter ? parameter : key + strlen(key);
        decode(key);
        decode(value);
        status = take_parameter(out, names, key, value, why);
    }
    if (status == 0 && out->target == REQUEST_JOIN && (!*names->host_id || !*names->name || !out->expect)) {
        *why = "session, expect or name is missing: ask for /join?session=ID&expect=N&name=OWN";
        return 400;
    }
    if (status == 0 && !*names->host_id) {
        *why = "host_id is missing: ask for /bind?host_id=NAME or /connect?host_id=NAME";
        return 400;
    }
    return status;
}

int target_read(char *target, struct request *out, struct request_names *names, const char **why)
{
    if (strchr(target, '#')) {
        *why = "a request target has no fragment: write # as %23";
        return 400;
    }
    if (!percent_encoding_valid(target)) {
        *why = "bad percent-encoding in the request target: % takes two hex digits, and %00 is no character";
        return 400;
    }
    char *query = target[0] == '/' ? target : skip_authority(target);
    if (!query) {
        *why = "the request target is neither a path nor a URL: ask for /bind?host_id=NAME";
        return 400;
    }
    char *path = strsep(&query, "?");
    struct upgrade_target tunnel;
    if (upgrade_target_parse(&tunnel, path, strlen(path))) {
        out->target = REQUEST_TUNNEL;
        out->port = tunnel.port;
        memcpy(names->host_id, tunnel.host, strlen(tunnel.host) + 1);
        return 0;
    }
    decode(path);
    out->target = REQUEST_ROOT;
    if (strcmp(path, "") == 0 || strcmp(path, "/") == 0)
        return 0;
    if (strcmp(path, "/bind") == 0) {
        out->target = REQUEST_BIND;
    } else if (strcmp(path, "/connect") == 0) {
        out->target = REQUEST_CONNECT;
    } else if (strcmp(path, "/join") == 0) {
        out->target = REQUEST_JOIN;
    } else {
        *why = TARGET_UNKNOWN;
        return 404;
    }
    return read_query(query, out, names, why);
}
