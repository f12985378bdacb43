/* proto/upgrade.h: how a TCP connection becomes a tunnel for UDP (RFC 9298, 3.2 and 3.3): the request, what
 * it asks for, and the answer. Afterwards both sides send capsules (proto/capsule.h). No I/O. */
#ifndef HX_PROTO_UPGRADE_H
#define HX_PROTO_UPGRADE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct buf;

#define UPGRADE_TOKEN    "connect-udp"
#define UPGRADE_HOST_MAX 255
#define UPGRADE_HEAD_MAX 8192 /* bytes of an answer's head, 1xx before it too, that a reader takes */
#define UPGRADE_TEXT_MAX 200  /* of a refusal's first line that are kept */

struct upgrade_target {
    char host[UPGRADE_HOST_MAX + 1];
    uint16_t port;
};

/* Asks for a tunnel to a UDP port of the very host that is asked, "localhost" in its eyes. `authority`: for
 * the Host line, "ns.example:7000". Errors of buf_append(). */
int upgrade_write_request(struct buf *out, const char *authority, uint16_t port);
/* The answer to it: 101. Errors of buf_append(). */
int upgrade_write_answer(struct buf *out);

/* Is path[0..len), of a request, "/.well-known/masque/udp/HOST/PORT/", the last '/' being optional? HOST is
 * percent-decoded. */
bool upgrade_target_parse(struct upgrade_target *out, const char *path, size_t len);

struct upgrade_reader;

enum upgrade_result {
    UPGRADE_MORE,
    UPGRADE_DONE,   /* what follows are capsules */
    UPGRADE_REFUSED /* upgrade_reader_status(), upgrade_reader_text() */
};

/* NULL: there is no memory. */
struct upgrade_reader *upgrade_reader_create(void);
void upgrade_reader_destroy(struct upgrade_reader *r); /* NULL is fine */
/* Feeds bytes of the answer; *used: fewer than `len` only with UPGRADE_DONE. Malformed, too long or without
 * the token, it is refused with status 0. After UPGRADE_REFUSED nothing more may be fed. */
enum upgrade_result upgrade_reader_feed(struct upgrade_reader *r, const char *data, size_t len, size_t *used);
/* 0: it is no answer as it should be. */
int upgrade_reader_status(const struct upgrade_reader *r);
/* The first line of the body as far as it has come, of printable bytes; "" if there is none. */
const char *upgrade_reader_text(const struct upgrade_reader *r);

#endif
