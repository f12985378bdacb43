#include "client/tool/progress.h"
#include "base/printable.h"
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#define MS_PER_S     1000.0
#define SHOWN_MAX_S  (99 * 3600) /* longer is not said */
#define NAME_COLUMNS 8           /* a name's end that is shorter says nothing */

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

int64_t progress_left_s(const struct progress *p, int64_t done, int64_t total)
{
    double seconds = total >= 0 && p->rate > 0 ? (double)(total - done) / p->rate : SHOWN_MAX_S + 1;
    return seconds > SHOWN_MAX_S ? -1 : (int64_t)ceil(seconds < 0 ? 0 : seconds);
}

/* Its columns are its bytes, but for the name's. */
struct piece {
    char text[32];
    int order; /* of two that have no room beside each other this one stays: the lower */
    bool stays;
};

static void say_pieces(struct piece pieces[], const struct progress *p, const struct progress_shown *shown)
{
    char bytes[16], rate[16] = "-", left[24] = "-:--", percent[8] = "  -%";
    int64_t left_s = progress_left_s(p, shown->done, shown->total);
    if (shown->total >= 0) {
        double part = shown->total > 0 ? 100.0 * (double)shown->done / (double)shown->total : 100;
        snprintf(percent, sizeof percent, "%3d%%", (int)(part < 0 ? 0 : part > 100 ? 100 : part));
    }
    if (left_s >= 0)
        progress_time(left, left_s);
    progress_bytes(bytes, (double)shown->done);
    if (p->rate >= 0)
        progress_bytes(rate, p->rate);
    snprintf(pieces[0].text, sizeof pieces[0].text, "%s", percent);
    snprintf(pieces[1].text, sizeof pieces[1].text, " %7s", bytes);
    snprintf(pieces[2].text, sizeof pieces[2].text, " %7s/s", rate);
    snprintf(pieces[3].text, sizeof pieces[3].text, " %7s", left);
    snprintf(pieces[4].text, sizeof pieces[4].text, "%s%.16s", shown->path[0] ? "  " : "", shown->path);
}

/* What stays of them, into `out`. */
static int put_pieces(struct piece pieces[], int count, char *out, int room)
{
    int len = 0;
    for (int order = 0; order < count; order++) {
        for (int i = 0; i < count; i++) {
            int columns = (int)strlen(pieces[i].text);
            if (pieces[i].order == order && columns <= room) {
                pieces[i].stays = true;
                room -= columns;
            } else if (pieces[i].order == order) {
                room = 0; /* nothing that matters less stays in its place */
            }
        }
    }
    out[0] = '\0';
    for (int i = 0; i < count; i++) {
        if (pieces[i].stays)
            len += sprintf(out + len, "%s", pieces[i].text);
    }
    return len;
}

int progress_line(const struct progress *p, char out[PROGRESS_LINE_MAX], int columns,
                  const struct progress_shown *shown)
{
    struct piece pieces[] = {{.order = 0}, {.order = 3}, {.order = 1}, {.order = 2}, {.order = 4}};
    int room = columns - 1; /* the last column would wrap on some terminals */
    say_pieces(pieces, p, shown);
    int len = put_pieces(pieces, sizeof pieces / sizeof *pieces, out, room);
    room -= len + 2;
    if (room < NAME_COLUMNS && room < printable_columns(shown->name))
        return len;
    /* The name's end says more than its beginning. A character may take many bytes for one column. */
    int bytes_left = PROGRESS_LINE_MAX - 3 - len;
    const char *name = printable_tail(shown->name, room < bytes_left ? room : bytes_left);
    while (strlen(name) > (size_t)bytes_left)
        name = printable_tail(name, printable_columns(name) - 1);
    return len + sprintf(out + len, "%s%s", name[0] ? "  " : "", name);
}
