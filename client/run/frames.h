/* client/run/frames.h: what a command and who uses it say to each other, in one mux stream: its output, its
 * errors and how it ended, and, where it has a terminal, input and window sizes. No I/O, no allocation.
 *
 * A frame is one byte of type, two bytes of length in network order, and so many bytes. A reader leaves out
 * the frames of types that it does not know. */
#ifndef HX_CLIENT_RUN_FRAMES_H
#define HX_CLIENT_RUN_FRAMES_H

#include "base/error.h"
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FRAME_HEAD        3
#define FRAME_MAX         16384 /* bytes of a frame that we write; a reader takes all lengths */
#define FRAME_CONTROL_MAX 4     /* bytes of FRAME_WINDOW, which is the longest that is given whole */

enum frame_type {
    FRAME_INPUT = 0,  /* bytes that were typed */
    FRAME_WINDOW = 1, /* columns and rows, two bytes each */
    FRAME_OUTPUT = 2,
    FRAME_ERRORS = 3, /* the command's standard error */
    FRAME_EXIT = 4    /* one byte, as a shell would say it: 128 + n for signal n. The last frame */
};

struct frame_reader {
    /* Bytes of a frame as they come; the bytes of FRAME_WINDOW and FRAME_EXIT at once. Returns how many it
     * takes, fewer when it has enough for now, or an error. */
    ssize_t (*take)(void *user, enum frame_type type, const uint8_t *data, size_t len);
    void *user;
    unsigned types; /* bit n: frames of type n are for this reader */
    uint8_t head[FRAME_HEAD];
    uint8_t control[FRAME_CONTROL_MAX];
    size_t head_len, control_len;
    size_t left; /* of the frame whose head is whole */
};

/* Returns the bytes consumed, fewer than `len` only if take() has enough; HX_EPROTO: a frame has another
 * length than its type; or what take() has returned. After an error the reader is not to be used. */
ssize_t frame_feed(struct frame_reader *r, const uint8_t *data, size_t len);
void frame_head(uint8_t out[FRAME_HEAD], enum frame_type type, size_t len);

struct window {
    uint16_t columns, rows;
};
void frame_window(uint8_t out[FRAME_CONTROL_MAX], const struct window *w);
struct window frame_window_read(const uint8_t data[FRAME_CONTROL_MAX]);
/* "80x24". HX_EINVAL. */
int window_parse(struct window *out, const char *text);

#endif
