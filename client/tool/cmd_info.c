/* hx info NAME: how the host that waits under NAME is reached, and what it lets this key do. */
#include "base/clock.h"
#include "client/forward/say.h"
#include "client/tool/asking.h"
#include "client/tool/info.h"
#include "client/tool/info_words.h"
#include "client/tool/program.h"
#include "client/tool/ui.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PINGS 3 /* one after the other; the least counts */

struct informing {
    struct asking asking;
    const struct args *args;
    int64_t begun_ms;
    struct info_reader reader;
    struct info_words words;
    int pongs;
    bool answered;
};

static struct link *the_link(const struct informing *i)
{
    return reconnector_link(i->asking.reconnector);
}

static void on_up(void *user, struct link *l)
{
    struct informing *i = user;
    (void)link_ping(l);
    asking_request(&i->asking, "GET", INFO_PATH, NULL, 0);
}

static void on_headers(void *user, const struct mux_message *m)
{
    struct informing *i = user;
    const char *status = mux_field(m, ":status");
    i->words.older = status && strcmp(status, "404") == 0;
    if (i->words.older || (status && strcmp(status, "200") == 0))
        return;
    say_error("%s answers with %s to what it was asked", i->args->name, status ? status : "no status");
    asking_end(&i->asking, STATUS_FAILED);
}

static int on_body(void *user, const char *data, size_t len)
{
    struct informing *i = user;
    int err = i->words.older ? HX_OK : info_feed(&i->reader, data, len);
    if (err < 0)
        say_error("%s: %s", i->args->name,
                  err == HX_EPROTO ? "what it says of itself makes no sense" : hx_strerror(err));
    return err;
}

static int on_line(void *user, const char *key, const char *value)
{
    struct informing *i = user;
    return info_words_take(&i->words, key, value);
}

static void print(struct informing *i)
{
    struct buf text;
    buf_init(&text, ASKING_OUTPUT_MAX);
    int err = link_path(the_link(i), &i->words.path);
    i->words.found_ms = ui_path_ms() - i->begun_ms;
    if (err == HX_OK)
        err = i->args->json ? info_words_json(&i->words, &text) : info_words_print(&i->words, &text);
    if (err == HX_OK)
        err = asking_print(&i->asking, buf_data(&text), text.len);
    if (err < 0)
        say_error("cannot print it: %s", hx_strerror(err));
    buf_free(&text);
    asking_end(&i->asking, err == HX_OK ? STATUS_OK : STATUS_FAILED);
}

/* The path is looked at last: it may have become a better one meanwhile. */
static void end_if_whole(struct informing *i)
{
    if (i->answered && i->pongs == PINGS)
        print(i);
}

static void on_answered(void *user)
{
    struct informing *i = user;
    i->answered = true;
    if (!i->words.older && info_feed_end(&i->reader) < 0) {
        say_error("%s: what it says of itself is not whole", i->args->name);
        asking_end(&i->asking, STATUS_FAILED);
        return;
    }
    end_if_whole(i);
}

static void on_pong(void *user, int64_t rtt_us)
{
    struct informing *i = user;
    if (i->pongs++ == 0 || rtt_us < i->words.rtt_us)
        i->words.rtt_us = rtt_us;
    if (i->pongs < PINGS)
        (void)link_ping(the_link(i));
    end_if_whole(i);
}

int cmd_info(const struct args *args)
{
    static const struct asking_events events = {
        .up = on_up, .headers = on_headers, .body = on_body, .answered = on_answered, .pong = on_pong};
    struct informing *i = calloc(1, sizeof *i);
    if (!i) {
        say_error("%s", hx_strerror(HX_ENOMEM));
        return STATUS_FAILED;
    }
    i->args = args;
    i->begun_ms = clock_now_ms();
    i->asking = (struct asking){.args = args, .events = &events, .user = i};
    i->reader = (struct info_reader){.on_line = on_line, .user = i};
    info_words_init(&i->words, args->name);
    int status = asking_run(&i->asking);
    info_words_free(&i->words);
    free(i);
    return status;
}
