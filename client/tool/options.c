#include "client/tool/options.h"
#include <string.h>

#define BIND    (1U << ARGS_BIND)
#define CONNECT (1U << ARGS_CONNECT)
#define CP      (1U << ARGS_CP)
#define LS      (1U << ARGS_LS)
#define PING    (1U << ARGS_PING)
#define INFO    (1U << ARGS_INFO)
#define KEY     (1U << ARGS_KEY)
#define MEET    (1U << ARGS_MEET)
#define NAT     (1U << ARGS_NAT)
#define CONFIG  (1U << ARGS_CONFIG)
#define SEND    (1U << ARGS_SEND)
#define RECV    (1U << ARGS_RECV)
#define KEYED   (BIND | CONNECT | CP | LS | PING | INFO | MEET) /* by a key of a file */
#define PEER    (KEYED | SEND | RECV)                           /* the commands that reach somebody */

#define HELP_COLUMN 32 /* where the texts begin */

const struct options_command options_commands[ARGS_COMMANDS] = {
    [ARGS_BIND] =
        {"bind", "NAME", "wait for peers under NAME",
         "Serves those who have the key: forwards to the targets that --allow names, listens for them\n"
         "where --allow-listen says, files of the directory that --share names, a command of its own\n"
         "for each, or echoes. With none of these it is a pipe for the first one who comes: standard\n"
         "input goes there, what comes from there to standard output.\n",
         "hx bind home --allow 127.0.0.1:22 --share ~/public"},
    [ARGS_CONNECT] =
        {"connect", "NAME", "reach the host that waits under NAME",
         "Without -L, -R and -D it is a pipe: standard input goes to the peer, or to what --to names\n"
         "at the peer's side, and what comes from there to standard output, both whole and in\n"
         "order. With them it listens here, and forwards through the peer, until interrupted.\n",
         "hx connect home -L 8000:127.0.0.1:8000"},
    [ARGS_CP] =
        {"cp", "SRC... DST", "copy files and directories; each is a path here or NAME:PATH",
         "The other side shares a directory: hx bind NAME --share DIR, with DIR:rw to be written to.\n"
         "PATH may have '*', '?' and [...], quoted; '-' for SRC or DST is standard input or output.\n"
         "What was interrupted is taken up again; what arrives is verified, then gets its name.\n",
         "hx cp home:photo.jpg ."},
    [ARGS_LS] = {"ls", "NAME[:PATH]", "list what the host that waits under NAME shares",
                 "Names are written as ls(1) writes them to a terminal; '?' is neither file nor directory.\n",
                 "hx ls -lh home:photos"},
    [ARGS_PING] = {"ping", "NAME", "round-trip times to the host that waits under NAME", "",
                   "hx ping -c 4 home"},
    [ARGS_MEET] =
        {"meet", "SESSION", "connect all who meet under SESSION, each to each",
         "Waits until --expect members are there and connected, each to each. Then what standard input\n"
         "says goes to all of them, and what one of them says is printed, line by line, behind its\n"
         "name; or --exec runs a command for each of them. Each has a --name that no other one has.\n",
         "hx meet team --expect 3 --name alice"},
    [ARGS_NAT] =
        {"nat", "", "what stands between this host and others",
         "Asks the nameserver, by STUN, how this host looks from outside: its addresses, how its NAT\n"
         "maps and filters, which ports it gives, and what follows from that for reaching peers.\n",
         "hx nat"},
    [ARGS_INFO] =
        {"info", "NAME", "how NAME is reached, and what you may do there",
         "Shows how the peer is reached, its version, and what it lets those do who have this key:\n"
         "targets to forward to, where to listen, files, a command. Nothing of other keys.\n",
         "hx info home"},
    [ARGS_KEY] = {"key", "", "make, show or store the key that both hosts must have",
                  "Without an option: shows the key of this host, and makes one if there is none yet.\n"
                  "--device [FILE] does so with one that this device has for itself alone.\n",
                  "hx key --label laptop"},
    [ARGS_CONFIG] =
        {"config", "check [FILE]", "look for faults in ~/.config/hx/config",
         "That file has options of the commands, by their long names: those in the section [NAME] are\n"
         "for hx bind, connect, cp, info, ls, meet and ping of that NAME, those in [*] for all. What\n"
         "the command line says comes first, then [NAME], then [*], then the environment.\n",
         "hx config check"},
    [ARGS_RECV] =
        {"recv", "CODE [DIR]", "get what `hx send` on another host gave the code for",
         "Shows what is about to come, and asks; it comes into DIR, by default the current one, and\n"
         "nowhere else. What was interrupted is taken up again; what arrives is verified. With '-'\n"
         "for DIR a stream (hx send -) goes to standard output.\n",
         "hx recv CODE ~/Downloads"},
    [ARGS_SEND] =
        {"send", "PATH...", "send files and directories to whoever gets its code",
         "Prints one line, `hx recv CODE`, to be passed on: whoever types it gets what is at these\n"
         "paths, and nothing else. Waits until one has all of it. PATH '-' sends standard input.\n",
         "hx send photo.jpg"},
};

const struct options_entry options_table[] = {
    {"allow", OPTION_ALLOW, BIND, "[udp:]HOST:PORT|/PATH",
     "peers may connect to this target; '*' is any; repeatable"},
    {"allow-listen", OPTION_ALLOW_LISTEN, BIND, "[udp:][ADDR:]PORT|/PATH",
     "peers may listen here (connect -R); '*' is any; repeatable"},
    {"udp-timeout", OPTION_UDP_TIMEOUT, BIND | CONNECT, "SECONDS", "of silence, which ends a UDP flow (120)"},
    {"share", OPTION_SHARE, BIND, "DIR[:ro|:rw]", "peers may read, or read and write, what is in DIR"},
    {"key-label", OPTION_KEY_LABEL, BIND, "LABEL:WHAT,...",
     "who has the key LABEL may do this instead: allow=, share=,\n"
     "                                allow-listen=, exec, echo; repeatable"},
    {"echo", 'e', BIND, NULL, "send back to every peer what it sends"},
    {"exec", OPTION_EXEC, BIND, "CMD", "run CMD for each peer: its input, output and exit status"},
    {"expect", OPTION_EXPECT, MEET, "N", "meet so many, this one counted: 2 to 64"},
    {"go-short", OPTION_GO_SHORT, MEET, NULL, "after --timeout go on with those who are there"},
    {"exec", OPTION_EXEC, MEET, "CMD", "run CMD for each member: its input and output are the stream"},
    {"pty", OPTION_PTY, BIND, NULL, "with --exec: at a terminal, for peers that use -t"},
    {"count", OPTION_COUNT, SEND, "N", "end after so many have received it (1)"},
    {"expire", OPTION_EXPIRE, SEND, "TIME", "wait so long for them: 90s, 30m, 1h, 2d (1h)"},
    {"yes", 'y', RECV, NULL, "receive without asking"},
    {"overwrite", OPTION_OVERWRITE, RECV, NULL, "replace files of another content without asking"},
    {"no-port-mapping", OPTION_NO_PORT_MAPPING, BIND | SEND | MEET, NULL,
     "do not ask the router to let peers in"},
    {"no-host-candidates", OPTION_NO_HOST_CANDIDATES, PEER, NULL,
     "do not tell the addresses of its interfaces"},
    {"relay-after", OPTION_RELAY_AFTER, PEER, "MS|never", "try the relay so much later (500)"},
    {"to", OPTION_TO, CONNECT, "HOST:PORT|/PATH", "the pipe reaches this target of the peer's --allow"},
    {NULL, 't', CONNECT, NULL, "the peer's --exec command gets this terminal"},
    {NULL, 'L', CONNECT, "[udp:][ADDR:]PORT:HOST:PORT",
     "forward a local port to HOST:PORT over there; repeatable;\n"
     "                                each end may be the path of a Unix socket instead"},
    {NULL, 'R', CONNECT, "[udp:][ADDR:]PORT[:HOST:PORT]",
     "the other way round: listen over there, for HOST:PORT here;\n"
     "                                without it a SOCKS5 proxy for those over there; repeatable"},
    {NULL, 'D', CONNECT, "[ADDR:]PORT", "a SOCKS5 proxy, UDP too, to what the peer allows; repeatable"},
    {NULL, 'N', CONNECT, NULL, "with -L, -R and -D: no command, as in any case"},
    {"recursive", 'r', CP, NULL, "directories, too: they are, in any case"},
    {NULL, 'R', CP, NULL, "the same"},
    {NULL, 'f', CP, NULL, "what is there is replaced: it is, in any case"},
    {NULL, 'p', CP, NULL, "times and permissions are kept: they are, in any case"},
    {"no-dereference", 'P', CP, NULL, "copy symbolic links as links, but those that lead out"},
    {NULL, 'a', CP, NULL, "the same: times and permissions are kept in any case"},
    {"archive", OPTION_ARCHIVE, CP, NULL, "the same"},
    {NULL, 'L', CP, NULL, "copy what symbolic links lead to; a peer's stay in its share"},
    {"dereference", OPTION_DEREFERENCE, CP, NULL, "the same"},
    {NULL, 'n', CP, NULL, "leave files that are there as they are"},
    {"no-clobber", OPTION_NO_CLOBBER, CP, NULL, "the same"},
    {"update", 'u', CP, NULL, "and those that are not older"},
    {"exclude", OPTION_EXCLUDE, CP, "PATTERN", "leave out what matches, and what is in it; repeatable"},
    {"dry-run", OPTION_DRY_RUN, CP, NULL, "only print what would be copied, a name each line"},
    {"bwlimit", OPTION_BWLIMIT, CP | SEND | RECV, "RATE",
     "at most so fast: 500 (KiB/s), 500K, 1.5M, 1G a second"},
    {"retry-for", OPTION_RETRY_FOR, CP | RECV, "SECONDS",
     "give up when the path is broken for so long (300)"},
    {NULL, 'c', PING, "COUNT", "stop after COUNT answers (default: when interrupted)"},
    {NULL, 'i', PING, "SECONDS", "between two pings (default 1; 0.01 at least)"},
    {NULL, 'w', PING, "SECONDS", "end so long after the start, whatever has come"},
    {NULL, 'W', PING, "SECONDS", "the last answer may take so long (2)"},
    {"stun", OPTION_STUN, PEER | NAT, "HOST[:PORT]", "ask this STUN server, too (port 3478); repeatable"},
    {"lifetime", OPTION_LIFETIME, NAT, NULL, "measure how long mappings live: up to 10 minutes"},
    {NULL, 'l', LS, NULL, "permissions, sizes, times and where links lead, too"},
    {NULL, 'h', LS, NULL, "with -l sizes as 1.5K, 23M, 4.0G"},
    {"human-readable", OPTION_HUMAN, LS, NULL, "the same"},
    {NULL, 't', LS, NULL, "the newest first"},
    {NULL, 'S', LS, NULL, "the largest first"},
    {NULL, 'r', LS, NULL, "the other way round"},
    {"reverse", OPTION_REVERSE, LS, NULL, "the same"},
    {"recursive", 'R', LS, NULL, "what is in its directories, too, each by its path"},
    {"directory", 'd', LS, NULL, "the directory itself, not what is in it"},
    {NULL, 'a', LS, NULL, "those that begin with '.', too: they are, in any case"},
    {NULL, 'A', LS, NULL, "the same"},
    {NULL, '1', LS, NULL, "one name a line: so they are, in any case"},
    {"json", OPTION_JSON, CP | INFO | LS | MEET | NAT, NULL,
     "JSON on standard output; of cp and meet an object a line"},
    {"set", OPTION_SET, KEY, NULL, "store the key that standard input gives"},
    {"file", OPTION_FILE, KEY, "FILE", "instead of ~/.config/hx/key, or of device.key there"},
    {"device", OPTION_DEVICE, KEY, NULL, "this device's own key, which a nameserver may want"},
    {"show", OPTION_SHOW, KEY, NULL, "with --device: only if it is there already"},
    {"auth", OPTION_AUTH, KEY, NULL, "print what a nameserver's --auth FILE has of the key"},
    {"qr", OPTION_QR, KEY | SEND, NULL, "draw it as a QR code in the terminal, too"},
    {"label", OPTION_LABEL, KEY, "LABEL", "add a further key, shown as LABEL when a peer comes with it"},
    {"wait", OPTION_WAIT, CONNECT | CP | INFO | LS | PING | RECV, "SECONDS",
     "wait so long for NAME to appear (at most 60)"},
    {NULL, 'w', CONNECT | CP | INFO | LS | RECV, "SECONDS", "the same"},
    {"name", 'N', CP | INFO | LS | PING | RECV, "OWN", "the own name, shown to the peer"},
    {"name", 'N', MEET, "OWN", "the own name there (default: the host's and a number)"},
    {"name", OPTION_NAME, CONNECT, "OWN", "the own name, shown to the peer"},
    {"nameserver", 'n', (PEER | NAT) & ~CP, "HOST[:PORT]|URL",
     "the nameserver (default: $HX_NAMESERVER; port 7000); or A,B"},
    {"nameserver", OPTION_NAMESERVER, CP, "HOST[:PORT]|URL",
     "the nameserver (default: $HX_NAMESERVER; port 7000); or A,B"},
    {NULL, '4', PEER | NAT, NULL, "only IPv4, to the nameserver and to the peer"},
    {NULL, '6', PEER | NAT, NULL, "only IPv6, likewise"},
    {"udp-only", OPTION_UDP_ONLY, PEER, NULL, "do not try TCP where UDP does not reach the nameserver"},
    {"tcp-only", OPTION_TCP_ONLY, PEER, NULL, "reach the nameserver through TCP at once"},
    {"key-file", OPTION_KEY_FILE, KEYED, "FILE", "the key (default: $HX_KEY, or ~/.config/hx/key)"},
    {"device-key", OPTION_DEVICE_KEY, PEER, "FILE",
     "this device's own key (default: ~/.config/hx/device.key)"},
    {"bare", OPTION_BARE, BIND | CONNECT, NULL, "the proven stream alone, for a peer on libhx; at both ends"},
    {"insecure", OPTION_INSECURE, BIND | CONNECT | MEET, NULL,
     "no key: a bare stream, unencrypted, to whoever comes"},
    {"trace", OPTION_TRACE, BIND | CONNECT | MEET, "FILE", "write there what nameservers are told and say"},
    {"trace-secrets", OPTION_TRACE_SECRETS, BIND | CONNECT | MEET, NULL,
     "with the secrets that are left out else"},
    {"keepalive", OPTION_KEEPALIVE, PEER & ~MEET, "SECONDS", "keep the hole open with a ping so often (15)"},
    {"local-port", 'p', (PEER | NAT) & ~CP, "PORT", "leave from this UDP port (default: the system chooses)"},
    {"local-port", OPTION_LOCAL_PORT, CP, "PORT", "leave from this UDP port (default: the system chooses)"},
    {"timeout", 't', MEET, "SECONDS", "wait so long until all have met (unlimited)"},
    {"timeout", 't', PEER & ~CONNECT & ~LS & ~MEET, "SECONDS",
     "for the nameserver (bind: unlimited), or the peer (15)"},
    {"timeout", OPTION_TIMEOUT, CONNECT | LS, "SECONDS", "for the peer (15)"},
    {"verbose", 'v', PEER | KEY | NAT | CONFIG, NULL,
     "say on standard error what happens (default on a terminal)"},
    {"quiet", 'q', PEER | KEY | NAT | CONFIG, NULL, "say nothing but errors, and hx ping its summary"},
    {"help", 'h', (PEER | KEY | NAT | CONFIG) & ~LS, NULL, "show this text"},
    {"help", OPTION_HELP, LS, NULL, "show this text"},
    {"version", 'V', PEER | KEY | NAT | CONFIG, NULL, "show the version"},
};
const int options_count = sizeof options_table / sizeof *options_table;

void options_spell(char *out, size_t size, const struct options_entry *entry)
{
    char letter[3] = {'-', (char)entry->id, '\0'};
    bool has_letter = entry->id < OPTION_ALLOW;
    snprintf(out, size, "%s%s%s%s", has_letter ? letter : "", has_letter && entry->name ? ", " : "",
             entry->name ? "--" : "", entry->name ? entry->name : "");
}

static void entry_help(FILE *out, const struct options_entry *entry)
{
    char spelled[64];
    options_spell(spelled, sizeof spelled, entry);
    int width = fprintf(out, "  %s%s%s%s", entry->id < OPTION_ALLOW ? "" : "    ", spelled,
                        entry->value ? " " : "", entry->value ? entry->value : "");
    if (width > HELP_COLUMN - 2) {
        fputc('\n', out);
        width = 0;
    }
    fprintf(out, "%*s%s\n", HELP_COLUMN - width, "", entry->text);
}

static void command_help(FILE *out, enum args_result command)
{
    const struct options_command *c = &options_commands[command];
    fprintf(out, "Usage: hx %s%s%s [OPTION]...\n%c%s.\n", c->name, c->operands[0] ? " " : "", c->operands,
            c->summary[0] - 'a' + 'A', c->summary + 1);
    fprintf(out, "%s%s\n", c->text[0] ? "\n" : "", c->text);
    for (int i = 0; i < options_count; i++) {
        if (options_table[i].commands & 1U << command)
            entry_help(out, &options_table[i]);
    }
    fprintf(out, "\nExample: %s\nMore: man hx-%s\n", c->example,
            command == ARGS_RECV ? options_commands[ARGS_SEND].name : c->name);
}

static void general_help(FILE *out)
{
    fputs("hx reaches a host behind a NAT by a name, from behind another NAT.\n\n", out);
    for (int i = 0; i < ARGS_COMMANDS; i++) {
        const struct options_command *c = &options_commands[i];
        fprintf(out, "%s hx %-8s%-12s %s\n", i == 0 ? "Usage:" : "      ", c->name, c->operands, c->summary);
    }
    fputs("\nBut for hx send and hx recv, both hosts need the same key: `hx key` makes one,\n"
          "`hx key --set` stores it on the other. And a nameserver that both reach:\n"
          "--nameserver HOST[:PORT] or $HX_NAMESERVER.\n"
          "\n"
          "  hx help COMMAND               the options of a command; also hx COMMAND --help\n"
          "  hx --version                  the version\n"
          "\n"
          "ssh home:    H1$ hx bind home --allow 127.0.0.1:22\n"
          "             H2$ ssh -o ProxyCommand='hx connect home --to 127.0.0.1:22' home\n"
          "a service:   H1$ hx bind home --allow 127.0.0.1:8000\n"
          "             H2$ hx connect home -L 8000:127.0.0.1:8000\n"
          "a file:      H1$ hx bind home --share ~/public\n"
          "             H2$ hx cp home:photo.jpg .\n"
          "to a friend: H1$ hx send photo.jpg\n"
          "             H2$ hx recv CODE\n"
          "\n"
          "Exit status: 0 success, 1 failure (standard error says what to do), 2 wrong usage.\n",
          out);
}

bool options_help(FILE *out, enum args_result command)
{
    if (command < ARGS_COMMANDS)
        command_help(out, command);
    else
        general_help(out);
    return fflush(out) == 0 && !ferror(out);
}
