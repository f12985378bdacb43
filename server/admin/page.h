/* server/admin/page.h: the status page's files, which are inside the program. */
#ifndef HX_SERVER_ADMIN_PAGE_H
#define HX_SERVER_ADMIN_PAGE_H

#include <stddef.h>

struct page_file {
    const char *path; /* as it is asked for: "/" */
    const char *type; /* Content-Type */
    const char *etag; /* with its quotes; changes with the content */
    const char *data; /* unchanged for ever */
    size_t size;
};

/* Of server/admin/page/, by embed.sh. */
extern const struct page_file page_files[];
extern const size_t page_files_count;

/* NULL: there is none of this path. */
const struct page_file *page_find(const char *path);

#endif
