/* server/admin/metrics.h: all that is measured and counted, for Prometheus (metrics_list.h). */
#ifndef HX_SERVER_ADMIN_METRICS_H
#define HX_SERVER_ADMIN_METRICS_H

#include "base/buf.h"
#include "server/admin/status.h"

/* HX_OK; HX_ENOMEM, and the buffer has what there was room for. `begun_wall_ms`: by clock_wall_ms(). */
int metrics_write(const struct admin_sources *from, int64_t begun_wall_ms, struct buf *out);
/* Which metric a counter comes to, by its name, and with which label's value; NULL: to one that is written
 * apart. */
const char *metrics_of_counter(const char *counter, const char **label);

#endif
