/* client/tool/info.h: the answer to GET /info, as text: what a peer's key may do at this host. Pure.
 *
 * Lines "KEY VALUE"; who does not know a KEY passes over its line. VALUE is percent-encoded where it has
 * blanks, '%', control characters or bytes above 126.
 *
 *   version VERSION         of hx at this host
 *   label LABEL             of the key that the peer came with; no line: it has none
 *   allow TARGET            it may connect there, as hx bind --allow has it; repeated
 *   allow-listen PLACE      it may listen there, as hx bind --allow-listen has it; repeated
 *   share ro | rw           files may be read, or read and written
 *   exec plain | pty        a command is run for it, or at a terminal, too
 *   echo yes                what it sends comes back
 *   pipe yes                standard input and output of this host are for the first who comes */
#ifndef HX_CLIENT_TOOL_INFO_H
#define HX_CLIENT_TOOL_INFO_H

#include "base/buf.h"

#define INFO_PATH     "/info"
#define INFO_LINE_MAX 1024         /* bytes of a line with its end */
#define INFO_MAX      (224 * 1024) /* of an answer: all patterns, each as long as can be */

/* Appends a line. HX_ETOOBIG, HX_ENOMEM. */
int info_add(struct buf *out, const char *key, const char *value);

struct info_reader { /* zeroed but for the first two */
    /* A line, its value decoded. HX_OK, or an error that info_feed() returns. */
    int (*on_line)(void *user, const char *key, const char *value);
    void *user;
    size_t total, len;
    char line[INFO_LINE_MAX];
};

/* HX_EPROTO: that is no such text, or it is too long. */
int info_feed(struct info_reader *r, const char *data, size_t len);
/* Whether the text ends where a line does. */
int info_feed_end(const struct info_reader *r);

#endif
