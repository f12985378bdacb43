/* test/group_member.c: a member of a session, on hx.h alone. Says hello to whoever it is connected to, prints
 * a line for each thing that happens, and takes commands from its standard input.
 *
 *   group_member NAMESERVER SESSION EXPECT NAME [KEYFILE [TIMEOUT_MS [PORT]]]
 *
 * In the environment: PUNCH_MS, as hx_config.punch_ms; SILENT: it says hello to nobody.
 *
 *   joined ADDRESS | here NAME | came NAME | moved NAME | left NAME | failed NAME ERROR | lost
 *   rejected ERROR
 *   punched NAME KIND MS   it is connected, and proven; then
 *   connected NAME KIND    the stream is ours
 *   heard NAME WORD        what it said first
 *   gone NAME              its stream has ended; "replaced": another one has come; "closed": by command
 *   complete MS MS         hx_group_wait() is content; of the monotonic clock: when we had joined, and now
 *   short HERE CONNECTED   TIMEOUT_MS are over before that
 *
 * Commands: "state WORD" prints "state WORD EXPECT HERE CONNECTED"; "close NAME" closes its stream;
 * "say NAME WORD"; "leave", or the end, leaves, waits for nothing, and exits. */
#include "client/hx.h"
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define MANY 256

static struct {
    struct hx_stream *s;
    char text[64];
    size_t len;
} peers[MANY];

static long long joined_ms;

static long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000LL + t.tv_nsec / 1000000;
}

static void on_event(void *user, const struct hx_event_info *info)
{
    (void)user;
    switch (info->event) {
    case HX_EVENT_JOINED:
        if (joined_ms == 0)
            joined_ms = now_ms();
        printf("joined %s\n", info->address);
        break;
    case HX_EVENT_MEMBER_HERE:
        printf("here %s\n", info->name);
        break;
    case HX_EVENT_MEMBER_JOINED:
        printf("came %s\n", info->name);
        break;
    case HX_EVENT_MEMBER_MOVED:
        printf("moved %s\n", info->name);
        break;
    case HX_EVENT_MEMBER_LEFT:
        printf("left %s\n", info->name);
        break;
    case HX_EVENT_PUNCHED:
        printf("punched %s %s %lld\n", info->name, info->text, (long long)info->punch_ms);
        break;
    case HX_EVENT_PUNCH_FAILED:
    case HX_EVENT_PEER_DROPPED:
        printf("failed %s %d %s\n", info->name, info->error, info->text);
        break;
    case HX_EVENT_NAMESERVER_LOST:
    case HX_EVENT_NAMESERVER_AWAITED:
        printf("lost\n");
        break;
    case HX_EVENT_REJECTED:
        printf("rejected %d %s\n", info->error, info->text);
        break;
    default:
        break;
    }
}

static int find(const char *name)
{
    for (int i = 0; i < MANY; i++) {
        if (peers[i].s && strcmp(hx_peer_name(peers[i].s), name) == 0)
            return i;
    }
    return -1;
}

static void drop(int i, const char *why)
{
    printf("%s %s\n", why, hx_peer_name(peers[i].s));
    hx_close(peers[i].s);
    peers[i].s = NULL;
}

static void say(int i, const char *word)
{
    char line[64];
    int len = snprintf(line, sizeof line, "%s\n", word);
    (void)!hx_write(peers[i].s, line, (size_t)len, 0);
}

static void meet(struct hx_stream *s, const char *own)
{
    struct hx_path path;
    int i = 0, older = find(hx_peer_name(s));
    if (older >= 0)
        drop(older, "replaced");
    while (i < MANY - 1 && peers[i].s)
        i++;
    hx_stream_path(s, &path);
    printf("connected %s %s\n", hx_peer_name(s), path.kind);
    peers[i].s = s;
    peers[i].len = 0;
    if (!getenv("SILENT"))
        say(i, own);
}

static void hear(int i)
{
    if (peers[i].len == sizeof peers[i].text) /* it does not speak in lines */
        peers[i].len = 0;
    size_t room = sizeof peers[i].text - peers[i].len;
    ssize_t got = hx_read(peers[i].s, peers[i].text + peers[i].len, room, 0);
    char *end;
    if (got == HX_EAGAIN)
        return;
    if (got <= 0) {
        drop(i, "gone");
        return;
    }
    peers[i].len += (size_t)got;
    while ((end = memchr(peers[i].text, '\n', peers[i].len))) {
        size_t len = (size_t)(end - peers[i].text);
        printf("heard %s %.*s\n", hx_peer_name(peers[i].s), (int)len, peers[i].text);
        peers[i].len -= len + 1;
        memmove(peers[i].text, end + 1, peers[i].len);
    }
}

/* False: it is time to leave. */
static int command(struct hx_group *g)
{
    char line[256], name[256], word[256];
    struct hx_group_state state;
    if (!fgets(line, sizeof line, stdin) || strncmp(line, "leave", 5) == 0)
        return 0;
    if (sscanf(line, "state %255s", word) == 1 && hx_group_state(g, &state) == HX_OK)
        printf("state %s %d %d %d\n", word, state.expect, state.here, state.connected);
    if (sscanf(line, "close %255s", name) == 1 && find(name) >= 0)
        drop(find(name), "closed");
    if (sscanf(line, "say %255s %255s", name, word) == 2 && find(name) >= 0)
        say(find(name), word);
    return 1;
}

static void run(struct hx_group *g, const char *own, long long until_ms)
{
    int waits = 1;
    for (;;) {
        struct pollfd fds[2 + MANY] = {{hx_group_fd(g), POLLIN, 0}, {0, POLLIN, 0}};
        struct hx_stream *s;
        long long left_ms = until_ms > now_ms() ? until_ms - now_ms() : 0;
        int timeout_ms = waits ? (int)left_ms : -1;
        for (int i = 0; i < MANY; i++)
            fds[2 + i] = (struct pollfd){peers[i].s ? hx_stream_fd(peers[i].s) : -1, POLLIN, 0};
        poll(fds, 2 + MANY, timeout_ms);
        for (int i = 0; i < MANY; i++) {
            if (peers[i].s && fds[2 + i].revents)
                hear(i);
        }
        while (hx_group_next(g, &s, 0) == HX_OK)
            meet(s, own);
        if (waits && hx_group_wait(g, 0) == HX_OK) {
            printf("complete %lld %lld\n", joined_ms, now_ms());
            waits = 0;
        } else if (waits && now_ms() >= until_ms) {
            struct hx_group_state state;
            hx_group_state(g, &state);
            printf("short %d %d\n", state.here, state.connected);
            waits = 0;
        }
        if (fds[1].revents && !command(g))
            return;
    }
}

int main(int argc, char **argv)
{
    static char keys[4096];
    const char *punch_ms = getenv("PUNCH_MS");
    struct hx_config config = {
        .on_event = on_event, .no_port_mapping = 1, .punch_ms = punch_ms ? atoi(punch_ms) : 0};
    struct hx_group *g;
    setvbuf(stdout, NULL, _IOLBF, 0);
    setvbuf(stdin, NULL, _IONBF, 0);
    if (argc < 5)
        return 2;
    config.nameserver = argv[1];
    config.name = argv[4];
    if (argc > 5 && argv[5][0]) {
        FILE *f = fopen(argv[5], "r");
        if (!f || fread(keys, 1, sizeof keys - 1, f) == 0)
            return 2;
        fclose(f);
        config.keys = keys;
    }
    config.local_port = argc > 7 ? (uint16_t)atoi(argv[7]) : 0;
    int err = hx_group_join(&g, &config, argv[2], atoi(argv[3]));
    if (err < 0) {
        printf("error %d %s\n", err, hx_strerror(err));
        hx_cleanup();
        return 1;
    }
    run(g, argv[4], now_ms() + (argc > 6 ? atoi(argv[6]) : 60000));
    hx_group_leave(g);
    for (int i = 0; i < MANY; i++)
        hx_close(peers[i].s);
    hx_cleanup();
    return 0;
}
