/* hx key --device: makes or shows this device's own key. hx key --auth: what a nameserver knows the shared
 * key by. */
#include "base/base64.h"
#include "client/forward/say.h"
#include "client/tool/device_key.h"
#include "client/tool/program.h"
#include "secure/key.h"
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static int failed(const char *error)
{
    say_error("%s", error);
    return STATUS_FAILED;
}

static int print(const char *line)
{
    if (dprintf(STDOUT_FILENO, "%s\n", line) > 0)
        return STATUS_OK;
    say_error("cannot write to standard output: %s", strerror(errno));
    return STATUS_FAILED;
}

/* HX_ECONFLICT: somebody else has made it meanwhile. */
static int make(const char *path, char error[KEYFILE_ERROR_MAX])
{
    char line[HX_KEY_TEXT_MAX + 1];
    int err = hx_device_key_generate(line);
    if (err < 0) {
        snprintf(error, KEYFILE_ERROR_MAX, "cannot make a key: %s", hx_strerror(err));
        return err;
    }
    strcat(line, "\n");
    err = keyfile_create(path, line, error);
    explicit_bzero(line, sizeof line);
    return err;
}

static int device(const struct args *args)
{
    char path[PATH_MAX], error[KEYFILE_ERROR_MAX], public_key[HX_KEY_TEXT_MAX];
    char *text = NULL;
    if (device_key_path(path, args->key_file, error) < 0)
        return failed(error);
    int err = device_key_read(&text, public_key, path, error);
    bool made = err == HX_ENOTFOUND && !args->show;
    if (made) {
        err = make(path, error);
        if (err == HX_OK || err == HX_ECONFLICT)
            err = device_key_read(&text, public_key, path, error);
    }
    keyfile_wipe(text);
    if (err == HX_ENOTFOUND)
        strncat(error, ": `hx key --device` without --show makes it", KEYFILE_ERROR_MAX - strlen(error) - 1);
    if (err < 0)
        return failed(error);
    int status = print(public_key);
    say_note(
        "the key of this device is %s'%s'; the nameserver's --auth FILE needs a line NAME ACTION and what is "
        "printed, as: home bind %s",
        made ? "stored in " : "in ", path, public_key);
    return status;
}

static int auth(const struct args *args)
{
    char error[KEYFILE_ERROR_MAX], line[sizeof "psk:" + BASE64URL_SIZE(PSK_BYTES)];
    struct keyring ring;
    int number;
    char *text = keyfile_load(args, error);
    if (!text)
        return failed(error);
    int err = keyring_parse(&ring, text, strlen(text), &number);
    keyfile_wipe(text);
    if (err < 0)
        return failed(hx_strerror(err));
    strcpy(line, "psk:");
    base64url_encode(line + strlen(line), ring.keys[0].auth, sizeof ring.keys[0].auth);
    keyring_free(&ring);
    int status = print(line);
    explicit_bzero(line, sizeof line);
    say_note("the nameserver's --auth FILE needs a line NAME ACTION and that; whoever has it can show that "
             "nameserver the same, and nothing to peers");
    return status;
}

int cmd_key_device(const struct args *args)
{
    return args->device ? device(args) : auth(args);
}
