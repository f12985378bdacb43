/* test/failing_malloc.so, for LD_PRELOAD: memory that a program's own code asks for in vain. What its
 * libraries ask for they get, C++'s `new` among it.
 *
 *   FAILING_MALLOC_FILE  "N": each Nth malloc(), calloc() or realloc() fails; 0: none. In decimal, padded to
 *                        16 bytes, and written in place (1<>FILE). Behind it stands how many have failed. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define EXPORT    __attribute__((visibility("default")))
#define TEXT_SIZE 16

static struct {
    char every[TEXT_SIZE], failed[TEXT_SIZE];
} * shared; /* NULL: nothing fails */
static uintptr_t program, program_end;
static atomic_ulong asked, refused;

static int note_program(struct dl_phdr_info *info, size_t size, void *user)
{
    (void)size, (void)user;
    program = UINTPTR_MAX;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t at = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        if (info->dlpi_phdr[i].p_type != PT_LOAD)
            continue;
        program = at < program ? at : program;
        program_end =
            at + info->dlpi_phdr[i].p_memsz > program_end ? at + info->dlpi_phdr[i].p_memsz : program_end;
    }
    return 1; /* the first one is the program itself */
}

__attribute__((constructor)) static void begin(void)
{
    const char *path = getenv("FAILING_MALLOC_FILE");
    dl_iterate_phdr(note_program, NULL);
    int fd = path ? open(path, O_RDWR | O_CLOEXEC) : -1;
    if (fd < 0)
        return;
    void *map = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    if (map != MAP_FAILED)
        shared = map;
}

/* No system call: the program may be in its sandbox. */
static bool fails(const void *caller)
{
    if (!shared || (uintptr_t)caller < program || (uintptr_t)caller >= program_end)
        return false;
    unsigned long every = strtoul(shared->every, NULL, 10);
    if (every == 0 || atomic_fetch_add(&asked, 1) % every != 0)
        return false;
    snprintf(shared->failed, TEXT_SIZE, "%-14lu\n", atomic_fetch_add(&refused, 1) + 1);
    errno = ENOMEM;
    return true;
}

EXPORT void *malloc(size_t size)
{
    static void *(*real)(size_t);
    if (!real)
        real = (void *(*)(size_t))dlsym(RTLD_NEXT, "malloc");
    return fails(__builtin_return_address(0)) ? NULL : real(size);
}

EXPORT void *calloc(size_t count, size_t size)
{
    static void *(*real)(size_t, size_t);
    if (!real)
        real = (void *(*)(size_t, size_t))dlsym(RTLD_NEXT, "calloc");
    return fails(__builtin_return_address(0)) ? NULL : real(count, size);
}

EXPORT void *realloc(void *old, size_t size)
{
    static void *(*real)(void *, size_t);
    if (!real)
        real = (void *(*)(void *, size_t))dlsym(RTLD_NEXT, "realloc");
    return fails(__builtin_return_address(0)) ? NULL : real(old, size);
}
