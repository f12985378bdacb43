#include "test/bench/meeting.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SOCKETS         16
#define CONNECTORS_MAX  4096 /* places: one that has ended is not used again at once */
#define BINDS_UNDER_WAY 64
#define BIND_WAIT_S     180
#define DRAIN_US        2e6
#define PART            "\n--hx_hole_punching\r\n" /* the head has the boundary behind '=' */
#define CONNECTOR_PARTS 2                          /* the holder's address, and its own */

struct guest { /* what is known of the client at the same place; holders have only `number` */
    uint32_t number;
    uint32_t serial; /* of a connector: its name, so that its part is told from an older one's; 0: a holder */
    uint8_t parts;
    bool holder_told;
};

struct meeting meeting;
static struct guest *guests;
static struct {
    uint32_t binding;
    uint32_t serial;
    uint64_t left;
    int under_way;
    double end_us;
} now;

static void begin(enum raw_kind kind, struct guest guest)
{
    struct raw_client *c = raw_connect(&meeting.group, kind);

    if (c)
        guests[c->index] = guest;
    else
        die("no place for another client");
}

static void begin_connect(void)
{
    if (now.left == 0 || now_us() >= now.end_us)
        return;
    begin(RAW_OWN, (struct guest){.number = (uint32_t)random() % meeting.bound, .serial = ++now.serial});
    now.left--;
    now.under_way++;
}

static void connector_over(struct raw_client *c, bool good)
{
    if (good) {
        samples_add(&meeting.us, now_us() - c->begun_us);
        meeting.done++;
        raw_end(&meeting.group, c);
    } else {
        meeting.failed++;
    }
    guests[c->index].serial = 0;
    now.under_way--;
    begin_connect();
}

static void look_at(struct raw_client *c)
{
    struct guest *g = &guests[c->index];

    if (g->parts >= CONNECTOR_PARTS && g->holder_told)
        connector_over(c, true);
}

/* A holder's bytes: each part names the connector by its place and serial number. */
static void holder_data(struct raw_client *c, const char *bytes, size_t len)
{
    const char *end = bytes + len, *at = bytes;

    while ((at = memmem(at, (size_t)(end - at), PART, strlen(PART)))) {
        char name[32] = "";
        unsigned place, serial;

        at += strlen(PART);
        memcpy(name, at, (size_t)(end - at) < sizeof name - 1 ? (size_t)(end - at) : sizeof name - 1);
        if (sscanf(name, "c%u-%u:", &place, &serial) != 2 || place >= meeting.group.capacity)
            die("a part for nobody: %s", name);
        if (guests[place].serial != serial || guests[place].number != guests[c->index].number)
            continue; /* that one has given up */
        guests[place].holder_told = true;
        look_at(&meeting.group.clients[place]);
    }
}

static void connector_data(struct raw_client *c, const char *bytes, size_t len)
{
    const char *end = bytes + len, *at = bytes;

    while ((at = memmem(at, (size_t)(end - at), PART, strlen(PART)))) {
        guests[c->index].parts++;
        at += strlen(PART);
    }
    look_at(c);
}

static bool is_connector(const struct raw_client *c)
{
    return guests[c->index].serial != 0;
}

static void data(struct raw_client *c, const char *bytes, size_t len)
{
    static const char good[] = "HTTP/1.1 200";

    if (c->tag == 0) { /* the head */
        if (len < strlen(good) || memcmp(bytes, good, strlen(good)) != 0)
            die("refused: %.*s", (int)len, bytes);
        c->tag = 1;
        if (!is_connector(c)) {
            meeting.bound++;
            now.binding--;
        }
    }
    if (is_connector(c))
        connector_data(c, bytes, len);
    else
        holder_data(c, bytes, len);
}

static void begin_binds(void)
{
    while (now.binding < BINDS_UNDER_WAY && meeting.bound + now.binding + meeting.lost < meeting.target) {
        uint32_t number = meeting.bound + now.binding + (uint32_t)meeting.lost;

        begin(meeting.kind, (struct guest){.number = number});
        now.binding++;
    }
}

static void lose(struct raw_client *c)
{
    meeting.lost++;
    if (c->tag == 0)
        now.binding--;
    else
        meeting.bound--;
}

static void event(struct raw_group *g, struct raw_client *c, enum raw_event what, const char *bytes,
                  size_t len)
{
    switch (what) {
    case RAW_CONNECTED:
        if (is_connector(c))
            raw_ask(g, c, "GET /connect?host_id=n%u&name=c%u-%u HTTP/1.1\r\n\r\n", guests[c->index].number,
                    c->index, guests[c->index].serial);
        else if (meeting.kind == RAW_OWN) /* as hx bind asks */
            raw_ask(g, c, "GET /bind?host_id=n%u HTTP/1.1\r\nBind-Session: %032x\r\n\r\n",
                    guests[c->index].number, guests[c->index].number + 1);
        else
            raw_ask(g, c, "GET /bind?host_id=n%u HTTP/1.1\r\n\r\n", guests[c->index].number);
        break;
    case RAW_DATA:
        data(c, bytes, len);
        break;
    case RAW_CLOSED:
    case RAW_FAILED:
    default:
        if (is_connector(c))
            connector_over(c, false);
        else
            lose(c);
    }
}

void meeting_open(uint16_t port, uint32_t names_max, enum raw_kind kind)
{
    uint32_t capacity = names_max + CONNECTORS_MAX;

    raw_open(&meeting.group, port, 1, SOCKETS, capacity, event);
    meeting.kind = kind;
    guests = calloc(capacity, sizeof *guests);
    if (!guests)
        die("no memory for %u names", names_max);
}

void meeting_bind(uint32_t count)
{
    double end_us = now_us() + BIND_WAIT_S * 1e6;

    meeting.target = count;
    while (meeting.bound + meeting.lost < count && now_us() < end_us) {
        begin_binds();
        raw_turn(&meeting.group, RAW_TICK_MS);
    }
    if (meeting.bound == 0)
        die("the server lets nobody bind");
}

void meeting_idle(double seconds)
{
    for (double end_us = now_us() + seconds * 1e6; now_us() < end_us;)
        raw_turn(&meeting.group, RAW_TICK_MS);
}

void meeting_connect(uint64_t count, double seconds, int at_once)
{
    samples_free(&meeting.us);
    meeting.done = meeting.failed = 0;
    now.left = count;
    now.end_us = now_us() + seconds * 1e6;
    for (int i = 0; i < at_once; i++)
        begin_connect();
    while (now.under_way > 0 && now_us() < now.end_us + DRAIN_US)
        raw_turn(&meeting.group, RAW_TICK_MS);
    meeting.failed += (uint64_t)now.under_way;
    now.under_way = 0;
}

void meeting_close(void)
{
    for (uint32_t i = 0; i < meeting.group.capacity; i++) {
        if (meeting.group.clients[i].state != RAW_FREE)
            raw_end(&meeting.group, &meeting.group.clients[i]);
    }
    raw_close(&meeting.group);
    free(guests);
}
