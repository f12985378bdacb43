/* client/tool/nearest.h: which word somebody meant who has mistyped one. Pure. */
#ifndef HX_CLIENT_TOOL_NEAREST_H
#define HX_CLIENT_TOOL_NEAREST_H

#define NEAREST_WORD_MAX 32 /* bytes of a word that is compared; longer ones are near to none */

struct nearest { /* zeroed but for the first: nothing is near yet */
    const char *typed;
    const char *word; /* the nearest one, or NULL */
    int distance;
};

/* How many characters must be put in, left out, changed, or exchanged with their neighbour. */
int nearest_distance(const char *a, const char *b);
/* One that it may have been meant for: near enough are a third of its characters, one at least, and what
 * it begins with. Of two that are equally near the first is kept. `word` outlives *n. */
void nearest_offer(struct nearest *n, const char *word);

#endif
