#include "client/tool/grant.h"
#include "client/forward/allow.h"
#include "client/forward/permit.h"
#include "client/tool/keyfile.h"
#include "proto/host_id.h"
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *name;
    bool has_value;
} kinds[] = {[GRANT_ALLOW] = {"allow", true},
             [GRANT_ALLOW_LISTEN] = {"allow-listen", true},
             [GRANT_SHARE] = {"share", true},
             [GRANT_EXEC] = {"exec", false},
             [GRANT_ECHO] = {"echo", false}};

static int __attribute__((format(printf, 2, 3))) refuse(char error[GRANT_ERROR_MAX], const char *format, ...)
{
    va_list values;
    va_start(values, format);
    vsnprintf(error, GRANT_ERROR_MAX, format, values);
    va_end(values);
    return HX_EINVAL;
}

static bool is_value(enum grant_kind kind, const char *value)
{
    if (kind == GRANT_ALLOW)
        return allow_is_pattern(value);
    return kind == GRANT_ALLOW_LISTEN ? permit_is_pattern(value) : value[0] != '\0';
}

static int take(struct grant *g, char *what, char error[GRANT_ERROR_MAX])
{
    char *value = strchr(what, '=');
    if (value)
        *value++ = '\0';
    if (g->count == GRANT_WHATS_MAX)
        return refuse(error, "it has more than %d parts", GRANT_WHATS_MAX);
    for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
        if (strcmp(what, kinds[i].name) != 0)
            continue;
        if (kinds[i].has_value != (value != NULL))
            return refuse(error, kinds[i].has_value ? "%s takes a value" : "%s takes no value", what);
        if (value && !is_value((enum grant_kind)i, value))
            return refuse(error, "'%.100s' is no value of %s", value, what);
        g->whats[g->count].kind = (enum grant_kind)i;
        g->whats[g->count++].value = value;
        return HX_OK;
    }
    return refuse(error, "'%.100s' is none of allow=, allow-listen=, share=, exec, echo", what);
}

int grant_parse(struct grant *out, const char *text, char error[GRANT_ERROR_MAX])
{
    *out = (struct grant){.label = out->text};
    if (snprintf(out->text, sizeof out->text, "%s", text) >= GRANT_TEXT_MAX)
        return refuse(error, "it has more than %d bytes", GRANT_TEXT_MAX - 1);
    char *rest = strchr(out->text, ':');
    if (!rest || !host_id_valid(text, (size_t)(rest - out->text)) || rest - out->text > ARGS_LABEL_MAX)
        return refuse(error, "'%.100s' does not begin with a key's label and ':'", text);
    *rest++ = '\0';
    while (rest && *rest) {
        char *what = strsep(&rest, ",");
        int err = take(out, what, error);
        if (err < 0)
            return err;
    }
    return HX_OK;
}

bool grant_is_label_of(const char *label, const char *keys)
{
    struct keyfile_entry e;
    while (keyfile_next(&keys, &e)) {
        if (e.label_len == strlen(label) && strncmp(e.label, label, e.label_len) == 0)
            return true;
    }
    return false;
}
