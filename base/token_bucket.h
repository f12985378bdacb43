/* base/token_bucket.h: how often something may happen: a bucket of tokens that fills with time. Pure: the
 * caller has the clock (milliseconds of base/clock.h). */
#ifndef HX_BASE_TOKEN_BUCKET_H
#define HX_BASE_TOKEN_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

/* A token is counted in thousandths: tokens a second are these a millisecond. */
#define TOKEN_BUCKET_UNIT 1000

struct token_limit {
    int64_t per_second; /* at most 10^6 */
    int64_t most;       /* tokens that a full bucket holds */
};

struct token_bucket { /* zeroed: full */
    int64_t at_ms;    /* when `spent` was true */
    /* Thousandths that are missing: after token_bucket_spend() maybe more than a bucket holds. */
    int64_t spent;
};

/* Takes `count` tokens, or, if there are not as many, none: false. */
bool token_bucket_take(struct token_bucket *b, const struct token_limit *l, int64_t count, int64_t now_ms);
/* Takes them even if there are not as many: for what has happened already. */
void token_bucket_spend(struct token_bucket *b, const struct token_limit *l, int64_t count, int64_t now_ms);
/* Gives thousandths back, up to a full bucket. */
void token_bucket_give(struct token_bucket *b, int64_t thousandths);
/* Whole tokens that are there now; below 0 after token_bucket_spend(). */
int64_t token_bucket_left(struct token_bucket *b, const struct token_limit *l, int64_t now_ms);

#endif
