/* server/notify.h: tells systemd how the service is (sd_notify(3), "$NOTIFY_SOCKET"). Without a supervisor
 * all of it does nothing. */
#ifndef HX_SERVER_NOTIFY_H
#define HX_SERVER_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#define NOTIFY_TEXT_MAX  256   /* bytes of one message */
#define NOTIFY_STATUS_MS 10000 /* between two STATUS= where no watchdog asks for more */
#define NOTIFY_EXTEND_MS 15000 /* patience beyond what is needed, and until it is asked for again */

enum notify_state { NOTIFY_READY, NOTIFY_ALIVE, NOTIFY_RELOADING, NOTIFY_STOPPING };

struct notify { /* private; notify_open() fills it */
    int fd;     /* -1: nobody wants to know */
    struct sockaddr_un to;
    socklen_t to_len;
    bool watchdog;
    int64_t beat_ms;
    int64_t until_ms; /* of notify_stop_takes(); 0: it does not stop */
    int64_t next_ms;  /* -1: never */
};

/* Reads $NOTIFY_SOCKET, $WATCHDOG_USEC and $WATCHDOG_PID. HX_OK, also where nobody wants to know; HX_EINVAL:
 * a socket's name that is none; HX_ESYS with errno. */
int notify_open(struct notify *n);
void notify_close(struct notify *n);
/* From now on each message asks for patience: stopping takes until then. */
void notify_stop_takes(struct notify *n, int64_t until_ms);
/* Never blocks: what the supervisor does not take is lost, as sd_notify(3) has it. */
void notify_send(struct notify *n, enum notify_state state, const char *status, int64_t now_ms);
/* When NOTIFY_ALIVE is due: at half of the watchdog's time (sd_watchdog_enabled(3)). -1: never. */
int64_t notify_next_ms(const struct notify *n);

#endif
