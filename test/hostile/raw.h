/* test/hostile/raw.h: speaks UDT 4's wire format over one UDP socket, with no library: what an attacker can
 * do, and what an honest client must. Single-threaded; nothing is sent that the caller did not ask for. */
#ifndef HX_TEST_RAW_H
#define HX_TEST_RAW_H

#include "shim/udt/packet.h"
#include <netinet/in.h>
#include <sys/types.h>

#define RAW_WAIT_MS   350 /* for an answer on loopback, asked for again every RAW_REPEAT_MS */
#define RAW_REPEAT_MS 120
#define RAW_MAX       2048 /* bytes of a datagram */

struct raw {
    int fd;
    int32_t id;             /* our socket id */
    int32_t peer;           /* the server's; 0: no session yet */
    uint32_t isn;           /* ours; the server adopts it for its own direction */
    uint32_t mss;           /* announced, bytes */
    uint32_t window;        /* announced, packets */
    uint32_t cookie;        /* as the server answered it, or as the caller guesses it */
    uint32_t next;          /* sequence number of our next data packet */
    uint32_t heard;         /* of the peer's data: one above the highest sequence number */
    uint32_t version, type; /* of UDT, and of the socket; 4 and 1 */
    uint32_t address[4];    /* the last four words of our handshakes; 0 */
    int wait_ms;            /* for the answer to a handshake; RAW_WAIT_MS */
    int repeat_ms;          /* after which a handshake is sent again; RAW_REPEAT_MS */
    bool refused;           /* the server has answered 1002 */
    bool closed;            /* the server has ended the session */
};

/* "A.B.C.D:PORT". False: it is not. */
bool raw_parse(struct sockaddr_in *out, const char *text);
/* A socket from `local` (port 0: any) that hears `server` alone, with defaults as stock UDT 4.11 announces
 * them and ids of its own. False: errno. */
bool raw_open(struct raw *r, const struct sockaddr_in *local, const struct sockaddr_in *server);
/* The same for addresses of either family. */
bool raw_open_at(struct raw *r, const struct sockaddr *local, socklen_t local_len,
                 const struct sockaddr *server, socklen_t server_len);
void raw_close(struct raw *r);

void raw_handshake(struct raw *r, int32_t request, int32_t destination);
void raw_control(struct raw *r, unsigned type, unsigned extended, const uint32_t *words, size_t count);
/* A full ACK whose words the caller chooses. */
void raw_ack(struct raw *r, uint32_t sequence, uint32_t rtt_us, uint32_t window);
void raw_ack2(struct raw *r, uint32_t number);
void raw_data(struct raw *r, uint32_t sequence, const void *bytes, size_t len);
void raw_request(struct raw *r, const char *text); /* as the next data packet */
void raw_shutdown(struct raw *r);

/* The next datagram, noted in `r` if it is data or a handshake's answer. Its length; 0: none within
 * `wait_ms`. */
size_t raw_receive(struct raw *r, uint8_t packet[RAW_MAX], int wait_ms);
bool raw_ask_cookie(struct raw *r); /* first handshake until its answer: r->cookie */
bool raw_conclude(struct raw *r);   /* second handshake until its answer: r->peer */
bool raw_connect(struct raw *r);    /* both */
/* Until the peer's data has come up to before `sequence`. */
bool raw_await_data(struct raw *r, uint32_t sequence, int wait_ms);
/* Hears and drops what comes, for so long. */
void raw_idle(struct raw *r, int ms);
int64_t raw_now_ms(void);

#endif
