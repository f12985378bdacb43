/* client/tool/progress.h: how fast something goes, how long it will take, and the line that shows it. Pure:
 * the caller has the clock and the terminal. */
#ifndef HX_CLIENT_TOOL_PROGRESS_H
#define HX_CLIENT_TOOL_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

#define PROGRESS_WINDOW_MS 5000 /* the rate is that of about so long */
#define PROGRESS_EVERY_MS  200  /* how often a line is worth being shown */
#define PROGRESS_LINE_MAX  512

struct progress {
    int64_t then_ms, then_moved;
    double rate; /* bytes a second; below 0: not known yet */
};

void progress_begin(struct progress *p, int64_t now_ms, int64_t moved);
/* `moved`: all bytes so far; call it every PROGRESS_EVERY_MS or so. */
void progress_update(struct progress *p, int64_t now_ms, int64_t moved);
/* " 43%   86.0 MB   54.3 MB/s   0:02  NAME", at most `columns` wide, so that it never wraps; `total` below 0:
 * not known. Returns the length. `name` is of base/printable.h; of one that is too long its end is shown. */
int progress_line(const struct progress *p, char out[PROGRESS_LINE_MAX], int columns, int64_t done,
                  int64_t total, const char *name);
/* "86.0 MB": three digits at least, powers of 1000. */
void progress_bytes(char out[16], double bytes);
/* "0:02", "1:02:03". */
void progress_time(char out[24], int64_t seconds);

#endif
