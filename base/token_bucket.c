#include "base/token_bucket.h"

static void fill(struct token_bucket *b, const struct token_limit *l, int64_t now_ms)
{
    int64_t passed_ms = now_ms - b->at_ms;
    if (passed_ms <= 0)
        return;
    b->at_ms = now_ms;
    /* Compared by division: many years times a rate are no overflow. */
    if (l->per_second > 0 && passed_ms > b->spent / l->per_second)
        b->spent = 0;
    else
        b->spent -= passed_ms * l->per_second;
}

bool token_bucket_take(struct token_bucket *b, const struct token_limit *l, int64_t count, int64_t now_ms)
{
    if (token_bucket_left(b, l, now_ms) < count)
        return false;
    b->spent += count * TOKEN_BUCKET_UNIT;
    return true;
}

void token_bucket_spend(struct token_bucket *b, const struct token_limit *l, int64_t count, int64_t now_ms)
{
    fill(b, l, now_ms);
    b->spent += count * TOKEN_BUCKET_UNIT;
}

void token_bucket_give(struct token_bucket *b, int64_t thousandths)
{
    b->spent = thousandths < b->spent ? b->spent - thousandths : 0;
}

int64_t token_bucket_left(struct token_bucket *b, const struct token_limit *l, int64_t now_ms)
{
    fill(b, l, now_ms);
    int64_t left = l->most * TOKEN_BUCKET_UNIT - b->spent;
    return left >= 0 ? left / TOKEN_BUCKET_UNIT : -((-left + TOKEN_BUCKET_UNIT - 1) / TOKEN_BUCKET_UNIT);
}
