/* server/store_message.h: what the serving process and the store say to each other (server/store.h): one
 * message is one packet of a SOCK_SEQPACKET socket, and bounded. Pure.
 *
 *   1 kind   4 id   4 code   2 length of name   name   value: the rest           (big-endian) */
#ifndef HX_SERVER_STORE_MESSAGE_H
#define HX_SERVER_STORE_MESSAGE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define STORE_MESSAGE_MAX  16384 /* bytes of one message; a packet of 32 KiB is more than one page order */
#define STORE_MESSAGE_HEAD 11
#define STORE_NAME_MAX     255 /* bytes of a name, and of a file's */
#define STORE_VALUE_MAX    (STORE_MESSAGE_MAX - STORE_MESSAGE_HEAD - STORE_NAME_MAX)
#define STORE_KEY_BYTES    32 /* of an owner's public key */

enum store_kind {
    /* to the store */
    STORE_READ = 1, /* code: bits of enum store_text: what is to be read again */
    STORE_CLAIM,    /* id, name, value: the key */
    STORE_FORGET,   /* id, name */
    STORE_WRITE,    /* code: enum store_write; name: of a transcript; value: bytes */
    /* of the store */
    STORE_PIECE,     /* code: enum store_text; value: bytes of it */
    STORE_READ_END,  /* code: bits of what has been read; value: why it could not be; empty: it could */
    STORE_OWNERS,    /* value: rows, each one byte: the length of the name, name, key */
    STORE_FORGOTTEN, /* name: somebody else has forgotten it */
    STORE_LOADED,    /* all that is owned has been told of */
    STORE_ANSWER,    /* id, code: HX_OK, HX_ECONFLICT (value: whose it is), HX_ENOTFOUND, HX_ESYS */
    STORE_TROUBLE,   /* name: a word for the log; value: a text for it */
    STORE_KINDS
};

enum store_text { STORE_TEXT_CONFIG = 1, STORE_TEXT_AUTH = 2 }; /* bits */

enum store_write { STORE_WRITE_BEGIN, STORE_WRITE_MORE };

#define STORE_NO_OWNERS "owners" /* the word of trouble with the database */

struct store_bytes {
    const void *data;
    size_t len;
};

struct store_message {
    enum store_kind kind;
    uint32_t id;
    int32_t code;
    struct store_bytes name;  /* at most STORE_NAME_MAX */
    struct store_bytes value; /* at most STORE_VALUE_MAX */
};

/* The bytes written to `out`; HX_ETOOBIG. */
ssize_t store_message_write(uint8_t out[STORE_MESSAGE_MAX], const struct store_message *m);
/* `name` and `value` point into `data`. HX_OK or HX_EPROTO. */
int store_message_read(struct store_message *m, const uint8_t *data, size_t len);

/* The next row of STORE_OWNERS, taken from the front of *rows. HX_OK; HX_EEOF: there is none; HX_EPROTO. */
int store_row_read(struct store_bytes *rows, struct store_bytes *name, const uint8_t **key);
/* Adds a row; the bytes added, or 0: it does not fit. */
size_t store_row_write(uint8_t *out, size_t room, const void *name, size_t name_len,
                       const uint8_t key[STORE_KEY_BYTES]);

#endif
