#include "server/admin/metrics_text.h"
#include "base/error.h"
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

static void add(struct metrics_text *t, const char *text)
{
    if (t->err == HX_OK)
        t->err = buf_append(t->out, text, strlen(text));
}

static void add_escaped(struct metrics_text *t, const char *text)
{
    for (size_t n; *text; text += n) {
        n = strcspn(text, "\\\"\n");
        if (t->err == HX_OK && n > 0)
            t->err = buf_append(t->out, text, n);
        if (n == 0) {
            add(t, *text == '\n' ? "\\n" : *text == '"' ? "\\\"" : "\\\\");
            n = 1;
        }
    }
}

/* Help is ours: one line without a backslash. */
void metrics_text_family(struct metrics_text *t, const char *name, const char *type, const char *help)
{
    if (t->err == HX_OK)
        t->err = buf_printf(t->out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

static void add_label(struct metrics_text *t, struct metrics_label l, char *between)
{
    if (!l.name)
        return;
    add(t, between);
    add(t, l.name);
    add(t, "=\"");
    add_escaped(t, l.value);
    add(t, "\"");
    strcpy(between, ",");
}

static void add_head(struct metrics_text *t, const char *name, const char *suffix, struct metrics_label a,
                     struct metrics_label b)
{
    char between[] = "{";

    add(t, name);
    add(t, suffix);
    add_label(t, a, between);
    add_label(t, b, between);
    add(t, between[0] == ',' ? "} " : " ");
}

static void add_count(struct metrics_text *t, uint64_t value)
{
    if (t->err == HX_OK)
        t->err = buf_printf(t->out, "%" PRIu64 "\n", value);
}

static void add_real(struct metrics_text *t, double value)
{
    if (t->err == HX_OK)
        t->err = buf_printf(t->out, "%.15g\n", value);
}

void metrics_text_count(struct metrics_text *t, const char *name, struct metrics_label a,
                        struct metrics_label b, uint64_t value)
{
    add_head(t, name, "", a, b);
    add_count(t, value);
}

void metrics_text_real(struct metrics_text *t, const char *name, struct metrics_label a, double value)
{
    add_head(t, name, "", a, (struct metrics_label){NULL, NULL});
    add_real(t, value);
}

void metrics_text_histogram(struct metrics_text *t, const char *name, struct metrics_label a,
                            const struct metrics_histogram *h)
{
    const struct metrics_label none = {NULL, NULL};
    uint64_t all = 0;
    char le[32];

    for (int i = 0; i < h->classes; i++) {
        all += h->counts[i];
        if (i == h->classes - 1)
            strcpy(le, "+Inf");
        else
            snprintf(le, sizeof le, "%g", h->le[i]);
        add_head(t, name, "_bucket", a, (struct metrics_label){"le", le});
        add_count(t, all);
    }
    add_head(t, name, "_sum", a, none);
    add_real(t, h->sum);
    add_head(t, name, "_count", a, none);
    add_count(t, all);
}
