/* server/config.h: the options of hx-nameserver, from the command line and from an INI file with the same
 * names. */
#ifndef HX_SERVER_CONFIG_H
#define HX_SERVER_CONFIG_H

#include "proto/response.h"
#include "server/admin_address.h"
#include "server/listen.h"
#include "server/log.h"
#include "server/log_address.h"
#include "server/stun_address.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define CONFIG_ERROR_MAX          512 /* bytes of an error's text with its NUL */
#define CONFIG_LISTEN_MAX         16
#define CONFIG_ADMIN_MAX          2
#define CONFIG_STUN_ADDRESSES_MAX 4 /* two of each family */
#define CONFIG_STUN_PORT_DEFAULT  (-1)
#define CONFIG_STUN_PORT_NONE     (-2)
#define CONFIG_USER_MAX           33  /* bytes of a user's name with its NUL (useradd(8)) */
#define CONFIG_PATH_MAX           512 /* bytes of a file's name with its NUL */
#define CONFIG_AUTH_HOSTS_MAX     16
#define CONFIG_AUTH_HOST_MAX      262 /* bytes of one with its NUL: 255, and a port */

struct server_config { /* server_config_defaults() fills it; copied by whoever takes it */
    struct server_listen listen[CONFIG_LISTEN_MAX];
    size_t listen_count;
    bool listen_is_default; /* the next one that is given replaces those that are there */
    struct server_listen listen_tcp[CONFIG_LISTEN_MAX];
    size_t listen_tcp_count;
    bool listen_tcp_is_default;
    bool proxy_protocol; /* each TCP connection begins with the header of a proxy */
    int family;          /* AF_UNSPEC: both; else what server_config_read() has restricted both to */
    enum log_level log_level;
    enum log_format log_format;
    enum log_addresses log_addresses;
    int64_t max_connections;          /* 0: unlimited */
    int64_t max_per_address;          /* connections; 0: unlimited */
    int64_t rate_per_address;         /* new connections a second; 0: unlimited */
    int64_t introductions_per_source; /* to one name, a second; 0: unlimited */
    int64_t introductions_per_name;   /* a second; 0: unlimited */
    int64_t max_members;              /* of a session; 0: MEMBERS_MAX */
    int64_t max_queue_bytes;          /* output waiting per connection; 0: unlimited */
    int64_t request_timeout_ms;       /* 0: never */
    int64_t idle_timeout_ms;          /* 0: never */
    /* Where STUN is answered besides: a second port of each address, 0 if the kernel shall pick it, and two
     * addresses with both ports. */
    int32_t stun_port; /* or CONFIG_STUN_PORT_* */
    struct stun_address stun_addresses[CONFIG_STUN_ADDRESSES_MAX];
    size_t stun_address_count;
    int64_t stun_rate;               /* requests a second of one source; 0: unlimited */
    bool relay;                      /* datagrams of those who cannot meet otherwise are forwarded, within: */
    int64_t relay_rate;              /* bytes a second of one session; 0: unlimited, as the others are */
    int64_t relay_total;             /* bytes a second of all */
    int64_t relay_time_ms;           /* of one session */
    int64_t relay_per_address;       /* sessions */
    char auth_file[CONFIG_PATH_MAX]; /* rules (server/auth_rules.h); "": none */
    bool auth_tofu;                  /* the first key that binds a name owns it, within: */
    char auth_db[CONFIG_PATH_MAX];   /* the owners' database (server/store_owners.h); "": none */
    int64_t claims_per_source;       /* new names a minute; 0: unlimited, as the other is */
    int64_t max_owned;               /* names */
    /* Over which proofs count; none: over each. */
    char auth_hosts[CONFIG_AUTH_HOSTS_MAX][CONFIG_AUTH_HOST_MAX];
    size_t auth_host_count;
    int64_t drain_ms;                     /* that SIGTERM gives those who hold names; 0: none */
    char drain_to[RESPONSE_LOCATION_MAX]; /* the nameserver that they are told; "": none */
    char user[CONFIG_USER_MAX];           /* whom to become; "": nobody else */
    bool no_sandbox;
    char transcripts[CONFIG_PATH_MAX]; /* their directory (server/transcripts.h); "": none are written */
    int64_t transcripts_max;           /* bytes of all; 0: unlimited */
    bool transcripts_secrets;          /* with keys in them */
    struct admin_address admin[CONFIG_ADMIN_MAX]; /* where its operator looks at it */
    size_t admin_count;
    char admin_token[CONFIG_PATH_MAX]; /* the file that has it; "": none is asked for */
    /* Of the command line alone, whose the texts are. */
    const char *config_path; /* NULL: there is none */
    const char *forget;      /* the name that is to be forgotten, in place of all else; NULL: none */
    bool tell_owners;        /* all owned names are to be told, likewise */
};

/* Somebody must prove who it is before it may do what it asks for. */
static inline bool server_config_authorizes(const struct server_config *c)
{
    return c->auth_tofu || c->auth_file[0] != '\0';
}

enum config_result { CONFIG_RUN, CONFIG_HELP, CONFIG_VERSION, CONFIG_BAD };

/* Every address, port UDT_DEFAULT_PORT, and the limits of DESIGN section 5. */
void server_config_defaults(struct server_config *c);
/* Defaults, then the file of --config, then the command line. CONFIG_BAD: `error` says what is wrong and
 * where (FILE:LINE), one line without its end. */
enum config_result server_config_read(struct server_config *c, int argc, char **argv,
                                      char error[CONFIG_ERROR_MAX]);
/* The same with another text of that file: "" if there is none. Opens no file. */
enum config_result server_config_read_again(struct server_config *c, int argc, char **argv, const char *text,
                                            size_t len, char error[CONFIG_ERROR_MAX]);
/* Reads an INI file over *c; `name` is for errors. HX_OK or HX_EINVAL, with `error` set. */
int server_config_read_ini(struct server_config *c, FILE *f, const char *name, char error[CONFIG_ERROR_MAX]);
/* Likewise a file by its name; that it cannot be opened is an error, too. */
int server_config_read_file(struct server_config *c, const char *path, char error[CONFIG_ERROR_MAX]);
/* Once all options are there: what they say together, and -4 and -6 come to the addresses. HX_OK or
 * HX_EINVAL, with `error` set. */
int server_config_check(struct server_config *c, char error[CONFIG_ERROR_MAX]);
/* One option by its long name. HX_OK or HX_EINVAL, with `error` set. */
int server_config_set(struct server_config *c, const char *name, const char *value,
                      char error[CONFIG_ERROR_MAX]);
/* A value into the `size` bytes of a text option. HX_OK; HX_EINVAL: it is empty, or too long. */
int server_config_text(char *out, size_t size, const char *value);
/* The options that are numbers, one after the other: false: there are no more. */
bool server_config_number(size_t which, const char **name, size_t *offset);
void server_config_usage(FILE *out);

#endif
