#include "shim/udt/early_data.h"

void early_conn_heard(struct early_conn *e)
{
    if (e->left < EARLY_UNHEARD_MAX)
        e->left++;
}

bool early_conn_take(struct early_conn *e)
{
    if (e->own.len == 0 || e->left == 0)
        return false;
    e->left--;
    return true;
}
