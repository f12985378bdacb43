/* An object of JavaScript as hx_config. Its names are those of lib/config.js, which has looked at the
 * values. */
#include "addon.h"
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

static const struct {
    const char *name;
    size_t offset;
} texts[] = {{"nameserver", offsetof(struct hx_config, nameserver)},
             {"name", offsetof(struct hx_config, name)},
             {"keys", offsetof(struct hx_config, keys)},
             {"stun", offsetof(struct hx_config, stun)},
             {"stateDir", offsetof(struct hx_config, state_dir)},
             {"deviceKey", offsetof(struct hx_config, device_key)}},
  numbers[] = {{"waitSeconds", offsetof(struct hx_config, wait_s)},
               {"timeout", offsetof(struct hx_config, timeout_ms)},
               {"punch", offsetof(struct hx_config, punch_ms)},
               {"linger", offsetof(struct hx_config, linger_ms)},
               {"backlog", offsetof(struct hx_config, backlog)},
               {"family", offsetof(struct hx_config, family)},
               {"noPortMapping", offsetof(struct hx_config, no_port_mapping)},
               {"pathEvents", offsetof(struct hx_config, path_events)},
               {"noHostCandidates", offsetof(struct hx_config, no_host_candidates)},
               {"transport", offsetof(struct hx_config, transport)},
               {"relayAfter", offsetof(struct hx_config, relay_after_ms)}};

char *config_text(napi_env env, napi_value value)
{
    size_t len = 0;
    if (napi_get_value_string_utf8(env, value, NULL, 0, &len) != napi_ok)
        return NULL;
    char *text = malloc(len + 1);
    if (text)
        napi_get_value_string_utf8(env, value, text, len + 1, &len);
    return text;
}

void config_read(struct addon *a, napi_value value, int handler, struct owned_config *out)
{
    napi_value v = NULL;
    memset(out, 0, sizeof *out);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        if (napi_get_named_property(a->env, value, texts[i].name, &v) != napi_ok)
            continue;
        char *text = config_text(a->env, v);
        if (!text)
            continue;
        out->texts[out->count++] = text;
        *(const char **)((char *)&out->config + texts[i].offset) = text;
    }
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (napi_get_named_property(a->env, value, numbers[i].name, &v) == napi_ok)
            *(int *)((char *)&out->config + numbers[i].offset) = value_to_int(a->env, v);
    if (napi_get_named_property(a->env, value, "localPort", &v) == napi_ok)
        out->config.local_port = (uint16_t)value_to_int(a->env, v);
    events_tell(a, handler, &out->config);
}

void config_free(struct owned_config *config)
{
    for (int i = 0; i < config->count; i++) {
        explicit_bzero(config->texts[i], strlen(config->texts[i])); /* a key, maybe */
        free(config->texts[i]);
    }
    config->count = 0;
}
