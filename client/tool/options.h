/* client/tool/options.h: what hx understands, in one table: the parser, the help and the tests read it. */
#ifndef HX_CLIENT_TOOL_OPTIONS_H
#define HX_CLIENT_TOOL_OPTIONS_H

#include "client/tool/args.h"
#include <stdio.h>

enum option_id { /* of options without a letter: above every character */
                 OPTION_ALLOW = 256,
                 OPTION_ALLOW_LISTEN,
                 OPTION_ARCHIVE,
                 OPTION_AUTH,
                 OPTION_BARE,
                 OPTION_BWLIMIT,
                 OPTION_COUNT,
                 OPTION_DEREFERENCE,
                 OPTION_DEVICE,
                 OPTION_DEVICE_KEY,
                 OPTION_DRY_RUN,
                 OPTION_EXCLUDE,
                 OPTION_EXEC,
                 OPTION_EXPECT,
                 OPTION_EXPIRE,
                 OPTION_FILE,
                 OPTION_GO_SHORT,
                 OPTION_HELP,
                 OPTION_HUMAN,
                 OPTION_INSECURE,
                 OPTION_JSON,
                 OPTION_KEEPALIVE,
                 OPTION_KEY_FILE,
                 OPTION_KEY_LABEL,
                 OPTION_LABEL,
                 OPTION_LIFETIME,
                 OPTION_LOCAL_PORT,
                 OPTION_NAME,
                 OPTION_NAMESERVER,
                 OPTION_NO_CLOBBER,
                 OPTION_NO_HOST_CANDIDATES,
                 OPTION_NO_PORT_MAPPING,
                 OPTION_OVERWRITE,
                 OPTION_PTY,
                 OPTION_QR,
                 OPTION_RELAY_AFTER,
                 OPTION_RETRY_FOR,
                 OPTION_REVERSE,
                 OPTION_SET,
                 OPTION_SHARE,
                 OPTION_SHOW,
                 OPTION_STUN,
                 OPTION_TCP_ONLY,
                 OPTION_TIMEOUT,
                 OPTION_TO,
                 OPTION_TRACE,
                 OPTION_TRACE_SECRETS,
                 OPTION_UDP_ONLY,
                 OPTION_UDP_TIMEOUT,
                 OPTION_WAIT,
                 OPTIONS_END
};

struct options_command {
    const char *name;
    const char *operands;
    const char *summary;
    const char *text;    /* of its help, between usage and options */
    const char *example; /* behind the options */
};

struct options_entry {
    const char *name;  /* NULL: has a letter only */
    int id;            /* its letter, or one of enum option_id */
    unsigned commands; /* bit n: command n of enum args_result */
    const char *value; /* what stands after it in the help; NULL: nothing */
    const char *text;  /* lines of the help */
};

extern const struct options_command options_commands[ARGS_COMMANDS];
extern const struct options_entry options_table[];
extern const int options_count;

/* "-n, --nameserver", "--to" or "-L": as people write it. */
void options_spell(char *out, size_t size, const struct options_entry *entry);
/* The help of one command, or of hx (ARGS_COMMANDS). False: `out` took not all of it. */
bool options_help(FILE *out, enum args_result command);

#endif
