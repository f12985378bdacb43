/* test/udtcurl/output.h: where a transfer's bytes go, unbuffered. */
#ifndef HX_UDTCURL_OUTPUT_H
#define HX_UDTCURL_OUTPUT_H

#include "base/clock.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct output {
    const char *path; /* NULL or "-": standard output */
    int fd;           /* -1: the file has not been made yet */
    int error;        /* errno of the write that failed */
};

void output_open(struct output *o, const char *path);
/* Writes all of data[0..len), making the file if need be (also with len 0). UC_OK; UC_WRITE with o->error;
 * UC_TIMEOUT at `until_ms` (clock_now_ms(); -1: no limit); UC_SIGNAL + number. */
int output_write(struct output *o, const void *data, size_t len, int64_t until_ms);
/* For messages. */
const char *output_name(const struct output *o);
/* The descriptor to watch for a reader that goes away; -1: none. */
int output_fd(const struct output *o);
/* UC_OK or UC_WRITE. */
int output_close(struct output *o);

/* A line on standard error for each line of text[0..len), the mark in front; control bytes are shown as '?',
 * since they come from somebody else and standard error is a terminal. */
void output_note(const char *mark, const char *text, size_t len);

#endif
