#include "client/files/repeats.h"
#include <stdlib.h>
#include <string.h>

struct name {
    const char *text;
    size_t index;
};

static int compare(const void *a, const void *b)
{
    const struct name *x = a;
    const struct name *y = b;
    int order = strcmp(x->text, y->text);
    return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

int repeats_find(size_t *before, const char *const *names, size_t count)
{
    size_t n = 0;
    struct name *all = calloc(count + 1, sizeof *all);
    if (!all)
        return HX_ENOMEM;
    for (size_t i = 0; i < count; i++) {
        before[i] = REPEATS_NONE;
        if (names[i])
            all[n++] = (struct name){names[i], i};
    }
    qsort(all, n, sizeof *all, compare);
    for (size_t i = 1; i < n; i++)
        if (strcmp(all[i].text, all[i - 1].text) == 0)
            before[all[i].index] = all[i - 1].index;
    free(all);
    return HX_OK;
}
