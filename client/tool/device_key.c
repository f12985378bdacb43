#include "client/tool/device_key.h"
#include "client/forward/say.h"
#include "client/tool/xdg.h"
#include <stdio.h>
#include <string.h>

#define DEFAULT_NAME "device.key"
#define OF(command)  (1U << (command))

static const unsigned reaches_others = OF(ARGS_BIND) | OF(ARGS_CONNECT) | OF(ARGS_CP) | OF(ARGS_LS) |
                                       OF(ARGS_PING) | OF(ARGS_INFO) | OF(ARGS_MEET) | OF(ARGS_SEND) |
                                       OF(ARGS_RECV);

int device_key_path(char out[PATH_MAX], const char *file, char error[KEYFILE_ERROR_MAX])
{
    int err = HX_OK;
    if (!file)
        err = xdg_config_file(out, DEFAULT_NAME);
    else if (snprintf(out, PATH_MAX, "%s", file) >= PATH_MAX)
        err = HX_ETOOBIG;
    if (err == HX_OK && out[0] != '\0')
        return HX_OK;
    snprintf(error, KEYFILE_ERROR_MAX, "%s",
             err == HX_ENOTFOUND ? "where is the key of this device? Set HOME, or name its file"
                                 : "the name of the device key's file is empty or too long");
    return HX_EINVAL;
}

int device_key_read(char **out, char public_key[HX_KEY_TEXT_MAX], const char *path,
                    char error[KEYFILE_ERROR_MAX])
{
    int err = keyfile_read(out, path, error);
    if (err < 0)
        return err;
    err = hx_device_key_public(public_key, *out);
    if (err == HX_OK)
        return HX_OK;
    snprintf(error, KEYFILE_ERROR_MAX, "'%.300s' holds no key of a device, or a mistyped one: %s", path,
             err == HX_EINVAL ? "`hx key --device FILE` makes one in a FILE that is not there yet"
                              : hx_strerror(err));
    keyfile_wipe(*out);
    *out = NULL;
    return err;
}

static bool load(struct args *args)
{
    char path[PATH_MAX], error[KEYFILE_ERROR_MAX], public_key[HX_KEY_TEXT_MAX];
    if (device_key_path(path, args->device_key_file, error) < 0) {
        if (!args->device_key_file) /* who has no home has no key there */
            return true;
        say_error("%s", error);
        return false;
    }
    int err = device_key_read(&args->device_key, public_key, path, error);
    if (err == HX_OK || (err == HX_ENOTFOUND && !args->device_key_file))
        return true;
    say_error("%s%s", error, err == HX_ENOTFOUND ? ": `hx key --device FILE` makes it" : "");
    return false;
}

bool device_keys_load(struct args *args)
{
    if (!(reaches_others & OF(args->command)))
        return true;
    return (!args->from || load(args->from)) && load(args);
}

void device_keys_wipe(struct args *args)
{
    if (args->device_key)
        explicit_bzero(args->device_key, strlen(args->device_key));
    if (args->from && args->from->device_key)
        explicit_bzero(args->from->device_key, strlen(args->from->device_key));
}
