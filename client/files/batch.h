/* client/files/batch.h: many small things done with one request, so that they take the time of their bytes
 * and not a round trip each: the words. Pure.
 *
 *   POST /files/ with hx-batch: 1, answered 200. The body says what is to be done, one thing after the other,
 *   a line each, in the form of client/files/listing.h, with another letter in front; the path is that below
 *   the shared directory:
 *     d MODE 0 MTIME PATH     there shall be a directory
 *     a MODE 0 MTIME PATH     a directory is whole, and now gets both
 *     p MODE SIZE MTIME PATH  put a file; its SIZE bytes follow the line, then the 32 of their SHA-256
 *     g MODE SIZE MTIME PATH  get a file, if it has that size and time
 *     h MODE SIZE MTIME PATH  only the SHA-256 of it
 *   The body of the answer has a line for each of them, in the same order:
 *     STATUS BYTES REASON     statuses and reasons are those of client/files/share.h; so many bytes follow
 *   d: 201 it was made, 200 it was there; a, p: 201, after what it tells of is on the disk; g: 200, and as
 *   BYTES the file and the 32 of its SHA-256; h: 200 and those 32. 412: it has another size or time, or
 *   changes while it is read; 413: it is bigger than BATCH_FILE_MAX.
 *
 * A side reads while it writes: answers come as things are done, and nothing waits for them. A line that is
 * none, and a file to be put that is bigger than BATCH_FILE_MAX, end the request: the stream is reset. */
#ifndef HX_CLIENT_FILES_BATCH_H
#define HX_CLIENT_FILES_BATCH_H

#include "client/files/listing.h"
#include "secure/digest.h"

#define BATCH_VERSION    "1"
#define BATCH_FILE_MAX   (1024 * 1024) /* bytes of a file that is put or got; bigger ones pay for requests */
#define BATCH_SUM_MAX    (8 << 20) /* of one that is compared: above, a GMAC is quicker, holes are no work */
#define BATCH_BYTES_MAX  (BATCH_FILE_MAX + DIGEST_BYTES)
#define BATCH_ANSWER_MAX 200 /* bytes of an answer's line, with its end */

/* What is to be done, of a line without its end, which is changed: e->type is the letter; written with
 * listing_format(). HX_EPROTO: no such line. A path that is none is "". */
int batch_parse(struct file_entry *e, char path[PATH_TEXT_MAX], char *line);

struct batch_answer {
    int status;         /* 100 to 599 */
    int64_t bytes;      /* that follow, up to BATCH_BYTES_MAX */
    const char *reason; /* printable ASCII, may be "" */
};

/* Returns the length; a reason that is too long is cut, and what is not printable is '?'. */
int batch_format_answer(char out[BATCH_ANSWER_MAX + 1], const struct batch_answer *a);
/* HX_EPROTO. a->reason points into the line, which is changed. */
int batch_parse_answer(struct batch_answer *a, char *line);

/* What comes of a body, line by line and with the bytes that follow. */
struct batch_input {
    size_t wanted, have; /* bytes that follow a line; wanted 0: a line */
    char line[LISTING_LINE_MAX];
    uint8_t *bytes; /* BATCH_BYTES_MAX */
};

/* HX_ENOMEM. */
int batch_input_init(struct batch_input *in);
void batch_input_free(struct batch_input *in);
/* After a line: so many bytes are to follow it, 1 to BATCH_BYTES_MAX. */
void batch_input_expect(struct batch_input *in, size_t bytes);
/* Nothing of a line or of bytes is there yet. */
bool batch_input_empty(const struct batch_input *in);
/* Takes from *data. HX_OK: the line (in->line, without its end) or the bytes are whole, until the next call,
 * and the rest of *data is what comes then; HX_EAGAIN: all was taken; HX_EPROTO: no line. */
int batch_input_feed(struct batch_input *in, const char **data, size_t *len);

#endif
