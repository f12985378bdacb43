/* client/tool/offer.h: what hx bind offers: to all, and to those whose key's label has an entry of its
 * own. */
#ifndef HX_CLIENT_TOOL_OFFER_H
#define HX_CLIENT_TOOL_OFFER_H

#include "client/tool/args.h"
#include "client/tool/serve.h"

struct offer {
    struct serve_config serve;
    struct allow *allow;
    struct permit *permit;
    struct share *share;
    struct buf targets;             /* serve.targets */
    char label[ARGS_LABEL_MAX + 1]; /* "": for all who have no entry */
};

struct offers {
    struct offer list[1 + ARGS_KEY_LABELS_MAX];
    int count;
};

/* False: something cannot be offered, which was told. Whatever it returns, *out is for offers_close(). */
bool offers_open(struct offers *out, const struct args *args, struct run_offer *run);
/* For a peer with that label. */
const struct serve_config *offers_for(const struct offers *o, const char *label);
void offers_close(struct offers *o);

#endif
