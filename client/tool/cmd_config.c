/* hx config check [FILE]: every fault of the file, each with its line. */
#include "client/forward/say.h"
#include "client/tool/program.h"

static void on_fault(void *user, int number, const char *what)
{
    const char *path = user;
    if (number > 0)
        say_error("%s:%d: %s", path, number, what);
    else
        say_error("%s: %s", path, what);
}

int cmd_config(const struct args *args)
{
    char own[PATH_MAX];
    struct config config;
    if (!args->config_file && !config_path(own)) {
        say_error("where is the file? Set HOME, or give it: hx config check FILE");
        return STATUS_FAILED;
    }
    const char *path = args->config_file ? args->config_file : own;
    int err = config_read(&config, path, on_fault, (void *)path);
    if (err == HX_ENOTFOUND)
        say_error("there is no file '%s'", path);
    bool sound = args_config_check(&config, on_fault, (void *)path);
    if (err == HX_OK && sound)
        say_note("%s: every option is understood: %d", path, config.count);
    config_wipe(&config);
    return err == HX_OK && sound ? STATUS_OK : STATUS_FAILED;
}
