/* Stands in for libudt.a(cache.o), whose eviction frees entries that hash buckets still hold: the heap is
 * corrupt after 1024 closed peers (UDT4.md, A1). The linker takes these five functions instead and never
 * opens the archive's member. A negative key means "not cached" to both CCache::lookup() and
 * CCache::update(), so nothing is ever kept.
 *
 * The class is UDT's own (cache.h, which Debian does not install): same members in the same order, because
 * libudt's other members construct it. */
#include "shim/udt/overrides.h"
#include <udt/cache.h>

const bool override_peer_cache = true;

CInfoBlock &CInfoBlock::operator=(const CInfoBlock &) = default;

bool CInfoBlock::operator==(const CInfoBlock &)
{
    return false;
}

CInfoBlock *CInfoBlock::clone()
{
    return nullptr; /* never asked: nothing is cached */
}

int CInfoBlock::getKey()
{
    return -1;
}

void CInfoBlock::convert(const sockaddr *, int, uint32_t ip[])
{
    ip[0] = ip[1] = ip[2] = ip[3] = 0;
}
