#include "server/admin/page.h"
#include <string.h>

static const char index_html[] = "<!doctype html>\n<title>hx-nameserver</title>\n"
                                 "<p>Its numbers: <a href=\"/metrics\">/metrics</a>, "
                                 "<a href=\"/api/status\">/api/status</a>.\n";

static const struct page_file files[] = {
    {"/", "text/html; charset=utf-8", "\"" HX_VERSION "\"", index_html, sizeof index_html - 1},
};

const struct page_file *page_find(const char *path)
{
    for (size_t i = 0; i < sizeof files / sizeof *files; i++)
        if (strcmp(files[i].path, path) == 0)
            return &files[i];
    return NULL;
}
