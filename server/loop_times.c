#include "server/loop_times.h"

static const int64_t most_us[LOOP_TIMES_CLASSES] = {
#define LOOP_TIMES_MOST(us) us,
    LOOP_TIMES_MAP(LOOP_TIMES_MOST)
#undef LOOP_TIMES_MOST
        INT64_MAX};

void loop_times_add(struct loop_times *t, int64_t us)
{
    int which = 0;

    while (us > most_us[which])
        which++;
    t->of[which]++;
    t->us += us > 0 ? (uint64_t)us : 0;
}

int64_t loop_times_most_us(int which)
{
    return most_us[which];
}

double loop_times_quantile_ms(const struct loop_times *before, const struct loop_times *now, double share)
{
    uint64_t all = 0, below = 0;

    for (int i = 0; i < LOOP_TIMES_CLASSES; i++)
        all += now->of[i] - before->of[i];
    double wanted = share * (double)all;
    for (int i = 0; all > 0 && i < LOOP_TIMES_CLASSES; i++) {
        uint64_t here = now->of[i] - before->of[i];
        double least = i == 0 ? 0 : (double)most_us[i - 1];

        if (here > 0 && (double)(below + here) >= wanted) {
            if (i == LOOP_TIMES_CLASSES - 1) /* it has no end */
                return least / 1000;
            return (least + ((double)most_us[i] - least) * (wanted - (double)below) / (double)here) / 1000;
        }
        below += here;
    }
    return 0;
}
