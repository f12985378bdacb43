#include "client/tool/progress.h"
#include "base/printable.h"
#include <math.h>
#include <stdio.h>
#include <string.h>

#define MS_PER_S    1000.0
#define SHOWN_MAX_S (99 * 3600) /* longer is not said */

void progress_begin(struct progress *p, int64_t now_ms, int64_t moved)
{
    p->then_ms = now_ms;
    p->then_moved = moved;
    p->rate = -1;
}

/* Exponentially weighted, by the time that has really passed: calls may come late. */
void progress_update(struct progress *p, int64_t now_ms, int64_t moved)
{
    int64_t ms = now_ms - p->then_ms;
    if (ms <= 0)
        return;
    double rate = (double)(moved - p->then_moved) * MS_PER_S / (double)ms;
    double old = exp(-(double)ms / PROGRESS_WINDOW_MS);
    p->rate = p->rate < 0 ? rate : old * p->rate + (1 - old) * rate;
    p->then_ms = now_ms;
    p->then_moved = moved;
}

void progress_bytes(char out[16], double bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB", "PB", "EB"};
    size_t unit = 0;
    while (bytes >= 999.5 && unit < sizeof units / sizeof *units - 1) {
        bytes /= 1000;
        unit++;
    }
    int decimals = unit == 0 || bytes >= 99.95 ? 0 : 1;
    snprintf(out, 16, "%.*f %s", decimals, bytes < 0 ? 0 : bytes, units[unit]);
}

void progress_time(char out[24], int64_t seconds)
{
    long long s = seconds < 0 ? 0 : seconds;
    if (s >= 3600)
        snprintf(out, 24, "%lld:%02lld:%02lld", s / 3600, s / 60 % 60, s % 60);
    else
        snprintf(out, 24, "%lld:%02lld", s / 60, s % 60);
}

static void time_left(char out[24], double rate, int64_t left)
{
    double seconds = rate > 0 ? (double)left / rate : SHOWN_MAX_S + 1;
    if (seconds > SHOWN_MAX_S)
        memcpy(out, "-:--", 5);
    else
        progress_time(out, (int64_t)ceil(seconds));
}

int progress_line(const struct progress *p, char out[PROGRESS_LINE_MAX], int columns, int64_t done,
                  int64_t total, const char *name)
{
    char percent[8] = "  -%";
    char bytes[16];
    char rate[16] = "-";
    char left[24] = "-:--";
    if (total >= 0) {
        double part = total > 0 ? 100.0 * (double)done / (double)total : 100;
        snprintf(percent, sizeof percent, "%3d%%", (int)(part < 0 ? 0 : part > 100 ? 100 : part));
        time_left(left, p->rate, total - done);
    }
    progress_bytes(bytes, (double)done);
    if (p->rate >= 0)
        progress_bytes(rate, p->rate);
    int len = snprintf(out, PROGRESS_LINE_MAX, "%s %8s %8s/s %7s  ", percent, bytes, rate, left);
    int room = columns - 1 - len; /* the last column would wrap on some terminals */
    if (room <= 0) {
        len = columns > 1 && columns - 1 < len ? columns - 1 : len;
        out[len] = '\0';
        return len;
    }
    /* The name's end says more than its beginning. A character may take many bytes for one column. */
    int bytes_left = PROGRESS_LINE_MAX - 1 - len;
    name = printable_tail(name, room < bytes_left ? room : bytes_left);
    while (strlen(name) > (size_t)bytes_left)
        name = printable_tail(name, printable_columns(name) - 1);
    return len + snprintf(out + len, PROGRESS_LINE_MAX - (size_t)len, "%s", name);
}
