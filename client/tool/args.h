/* client/tool/args.h: the command line of hx. Prints nothing, ends nothing. */
#ifndef HX_CLIENT_TOOL_ARGS_H
#define HX_CLIENT_TOOL_ARGS_H

#include "client/hx.h"
#include "client/tool/config.h"
#include <stdbool.h>
#include <stdint.h>

#define ARGS_ERROR_MAX       512
#define ARGS_CONNECT_TIMEOUT 15 /* seconds until the peer is reached, a --wait not counted */
#define ARGS_TIMEOUT_MAX     3600
#define ARGS_WAIT_MAX        60 /* the protocol's bound (DESIGN, section 3) */
#define ARGS_KEEPALIVE       15 /* seconds; NATs keep a mapping for 30 s and more (RFC 4787, REQ-5) */
#define ARGS_KEEPALIVE_MAX   300
#define ARGS_RELAY_AFTER_MAX 60000
#define ARGS_RETRY_FOR       300   /* seconds without a path after which hx cp gives up */
#define ARGS_RETRY_MIN       20    /* a dead path is noticed after so long */
#define ARGS_RETRY_MAX       86400 /* a day */
#define ARGS_COUNT_MAX       999999
#define ARGS_EXPIRE          3600 /* seconds for which hx send waits */
#define ARGS_EXPIRE_MAX      (365 * 24 * 3600)
#define ARGS_RECEIPTS_MAX    1000
#define ARGS_INTERVAL        1000 /* milliseconds between two pings */
#define ARGS_ANSWER          2000 /* milliseconds for a ping's last answer */
#define ARGS_INTERVAL_MIN    10
#define ARGS_INTERVAL_MAX    3600000
#define ARGS_LABEL_MAX       64 /* as a keyring allows */
#define ARGS_ALLOW_MAX       256
#define ARGS_STUNS_MAX       4 /* as hx_config.stun takes */
#define ARGS_KEY_LABELS_MAX  64
#define ARGS_UDP_TIMEOUT_MAX 86400
#define ARGS_FORWARDS_MAX    64
#define ARGS_EXCLUDES_MAX    256

enum args_result {
    ARGS_BIND,
    ARGS_CONNECT,
    ARGS_CP,
    ARGS_LS,
    ARGS_PING,
    ARGS_INFO,
    ARGS_MEET,
    ARGS_NAT,
    ARGS_KEY,
    ARGS_CONFIG,
    ARGS_RECV,
    ARGS_SEND,
    ARGS_COMMANDS, /* how many there are; ARGS_HELP about all of them */
    ARGS_HELP,
    ARGS_VERSION,
    ARGS_USAGE
};

struct args { /* strings belong to argv, the environment or `config`, but for `peer`; do not copy it */
    enum args_result command; /* also with ARGS_HELP: whose help; ARGS_COMMANDS: of all of them */
    /* The peer's, with hx cp, too; meet: the session's. NULL for hx key, hx nat and hx send. */
    const char *name;
    const char *nameserver;
    const char *own_name; /* NULL: none */
    /* STUN servers besides, "HOST[:PORT]" with ',' between; "": none */
    char stun[ARGS_STUNS_MAX * 280];
    int stun_count;
    uint16_t local_port; /* 0: the kernel's choice */
    int family;          /* 4: only IPv4; 6: only IPv6; 0: both */
    int transport;       /* as in hx_config */
    int timeout_s;       /* bind: for the nameserver's answer; meet: until all have met; 0: for ever */
    int wait_s;
    bool verbose, quiet;
    const char *key_file;        /* NULL: not given. hx key: its --file */
    const char *device_key_file; /* NULL: not given */
    const char *trace;           /* the file that is written; NULL: none */
    bool trace_secrets;          /* with what is secret */
    char *device_key;            /* what is in it (client/tool/device_key.h); NULL: there is none */
    bool bare;                   /* a raw stream */
    bool insecure;               /* the same, without keys */
    int keepalive_s;
    int64_t bytes_per_s; /* cp, send, recv: at most so fast, each way; 0: as fast as it goes */
    int retry_for_s;     /* cp: how long it may be without a path before it gives up */

    bool echo;            /* bind */
    bool no_port_mapping; /* bind */
    bool no_host_candidates;
    int relay_after_ms; /* 0: the default; -1: never */
    const char *share;  /* bind: "DIR", "DIR:ro" or "DIR:rw", or NULL */
    const char *allow[ARGS_ALLOW_MAX];
    int allow_count;
    const char *allow_listen[ARGS_ALLOW_MAX]; /* bind: where peers may listen */
    int allow_listen_count;
    const char *key_labels[ARGS_KEY_LABELS_MAX]; /* bind: as client/tool/grant.h has them */
    int key_label_count;

    const char *to; /* connect: "HOST:PORT" or "/PATH" that the pipe shall reach at the other side, or NULL */
    struct {
        char kind; /* 'L', 'R' or 'D' */
        const char *spec;
    } forwards[ARGS_FORWARDS_MAX];
    int forward_count;
    int udp_timeout_s; /* bind, connect: of silence, after which a flow ends */

    /* cp: as given; they or the target, or both, are NAME:PATH, all sources with the same NAME. */
    char **sources;
    int source_count;
    /* cp, if both are: what is of the sources' peer; `name` and all else is the target's. NULL: there is one
     * peer. There is one such for the process. */
    struct args *from;
    const char *remote; /* ls: the PATH */
    const char *target; /* cp; recv: the directory, or "-" */
    char stream;        /* cp: 'i' from standard input, 'o' to standard output, 0 neither */
    const char *pipe;   /* hx cp: what stands for standard input or output then; NULL: "-" does */
    int links;          /* cp: 'P', 'L'; 0: they are left out */
    bool no_clobber, update, dry_run;
    const char *excludes[ARGS_EXCLUDES_MAX];
    int exclude_count;
    char peer[HX_NAME_MAX + 1]; /* cp, ls: that NAME; recv: what follows from the code */
    int count;                  /* ping: 0: until interrupted */
    int interval_ms;            /* ping */
    int answer_ms;              /* ping: the last answer may take so long */
    int deadline_s;             /* ping: it ends so long after its start; 0: no deadline */
    const char *exec;    /* bind: the command that peers may run; meet: that is run for each; NULL: none */
    int expect;          /* meet: so many members, ourselves counted; 0: not given */
    bool go_short;       /* meet: with fewer, too, when the time is over */
    bool pty;            /* bind: at a terminal, too */
    bool tty;            /* connect: at a terminal */
    bool no_command;     /* ... and -N, for the habit of ssh's users */
    bool json;           /* cp, info, ls, meet, nat */
    bool details;        /* ls: modes, sizes and times */
    bool human, reverse; /* ls: sizes as 1.5K; the other way round */
    bool recursive, directory; /* ls: what is deeper, too; the directory itself */
    char order;                /* ls: 't' by time, 'S' by size, 0 by name */
    bool lifetime;             /* nat: measure it */
    bool set;                  /* key: read one from standard input */
    bool device, show;         /* key: this device's own; only show it */
    bool auth;                 /* key: what a nameserver knows the shared one by */
    const char *label;         /* key: append one with this label; NULL: none */
    bool qr;                   /* key, send: draw it */
    char **paths;              /* send: PATH...; "-" alone is standard input */
    int path_count;
    int64_t expire_s;        /* send: nobody new is let in after so long */
    int receipts;            /* send: it ends after so many */
    char *code;              /* recv: as given; its name is in `peer` */
    bool yes, overwrite;     /* recv: without asking */
    const char *config_file; /* config: the one to check; NULL: the own one */
    struct config config;    /* for config_wipe(), when nothing of all this is used any more */
};

/* `environment`: the value of HX_NAMESERVER, or NULL. `config_file`, which need not be there, says what the
 * command line does not; NULL: there is none. ARGS_USAGE: `error` says what is wrong, in one line. */
enum args_result args_parse(struct args *out, int argc, char **argv, const char *environment,
                            const char *config_file, char error[ARGS_ERROR_MAX]);
/* Tells every fault of the file's lines that config_read() has taken. Returns whether there is none. */
bool args_config_check(const struct config *c, config_told told, void *user);
/* hx_config.stun; NULL: none. Lives as long as *args. */
const char *args_stun(const struct args *args);
/* The PATH of "NAME:PATH" ("" stands for the shared directory itself), or NULL if `word` is a local path: it
 * has no colon, or a '/' before it, or no name before it. Points into `word`. */
const char *args_remote_path(const char *word);

#endif
