/* hx nat: what stands between this host and others. */
#include "client/forward/say.h"
#include "client/tool/nat_words.h"
#include "client/tool/program.h"
#include "client/tool/ui.h"

#define WHOLE_MS     2500 /* with the start and the end of the library it is below 3 s */
#define LIFETIME_MAX 600  /* seconds; RFC 4787, REQ-5: 120 at least, 300 and more are wished for */

static void on_progress(void *user, const struct hx_nat_lifetime *now)
{
    (void)user;
    if (now->asking_s > 0 && now->alive_s == 0)
        say_note_each("looking at a mapping when it is %d s old", now->asking_s);
    else if (now->asking_s > 0)
        say_note_each("mappings of %d s are alive; looking at one of %d s next", now->alive_s, now->asking_s);
}

/* Ctrl-C ends it, and what is known is told. */
static void measure(struct nat_result *n, const struct hx_config *given)
{
    struct hx_config config = *given;
    bool four = n->asked_ipv4 && n->ipv4.error == HX_OK;
    config.family = four ? 4 : 6;
    config.nameserver = four ? n->ipv4.server : n->ipv6.server; /* one that has answered */
    say_note_each(
        "measuring how long mappings live, %d minutes at most: some twenty of them are made, and each is "
        "looked at once; interrupt it to see what is known",
        LIFETIME_MAX / 60);
    n->measured = true;
    n->lifetime_error = hx_nat_lifetime(&n->lifetime, &config, LIFETIME_MAX, on_progress, NULL);
}

int cmd_nat(const struct args *args)
{
    struct hx_config config = {.nameserver = args->nameserver,
                               .local_port = args->local_port,
                               .family = args->family,
                               .stun = args_stun(args)};
    struct nat_result n = {
        .nameserver = args->nameserver, .asked_ipv4 = args->family != 6, .asked_ipv6 = args->family != 4};
    int err = hx_nat(&n.ipv4, &n.ipv6, &config, WHOLE_MS);
    if (err < 0) {
        if (err != HX_ECANCELED)
            ui_failure(err, "nat", &config);
        return STATUS_FAILED;
    }
    if (args->lifetime && nat_words_known(&n))
        measure(&n, &config);
    if (args->json)
        nat_words_json(stdout, &n);
    else
        nat_words_print(stdout, &n);
    if (!ui_printed())
        return STATUS_FAILED;
    return nat_words_known(&n) ? STATUS_OK : STATUS_FAILED;
}
