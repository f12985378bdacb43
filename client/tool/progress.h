/* client/tool/progress.h: how fast something goes, how long it will take, and the line that shows it. Pure:
 * the caller has the clock and the terminal. */
#ifndef HX_CLIENT_TOOL_PROGRESS_H
#define HX_CLIENT_TOOL_PROGRESS_H

#include <stddef.h>
#include <stdint.h>

#define PROGRESS_WINDOW_MS 5000 /* the rate is that of about so long */
#define PROGRESS_EVERY_MS  200  /* how often a line is worth being shown */
#define PROGRESS_LINE_MAX  512
#define PROGRESS_PLAIN_MS  10000 /* and how often where no line can be drawn anew */

struct progress {
    int64_t then_ms, then_moved;
    double rate; /* bytes a second; below 0: not known yet */
};

void progress_begin(struct progress *p, int64_t now_ms, int64_t moved);
/* `moved`: all bytes so far; call it every PROGRESS_EVERY_MS or so. */
void progress_update(struct progress *p, int64_t now_ms, int64_t moved);

struct progress_shown {
    int64_t done, total; /* total below 0: not known */
    const char *path;    /* what carries it: hx_path.kind; "": nothing, or not known */
    const char *name;    /* of base/printable.h */
};

/* " 43% 86.0 MB 54.3 MB/s    0:02  direct  NAME", narrower than `columns`, so that it never wraps. What has
 * no room is left out: the name first, of which the end is shown as long as that says something, then what
 * carries it, the bytes, the time left, the rate. Returns the length. */
int progress_line(const struct progress *p, char out[PROGRESS_LINE_MAX], int columns,
                  const struct progress_shown *shown);
/* Seconds until all is done; below 0: nobody knows. */
int64_t progress_left_s(const struct progress *p, int64_t done, int64_t total);
/* "86.0 MB": three digits at least, powers of 1000. */
void progress_bytes(char out[16], double bytes);
/* "0:02", "1:02:03". */
void progress_time(char out[24], int64_t seconds);

#endif
