/*
 * Lets iscsi-test-cu ask for header digests.
 *
 * The tool offers HeaderDigest=None,CRC32C, of which a target takes the first. This library is loaded
 * before libiscsi (LD_PRELOAD) and offers CRC32C alone, so that there is no session without.
 *
 * The names are those of libiscsi's iscsi.h (1.19).
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdio.h>

struct iscsi_context;

/* ISCSI_HEADER_DIGEST_CRC32C */
static const int CRC32C = 3;

int iscsi_set_header_digest(struct iscsi_context *iscsi, int header_digest)
{
    int (*libiscsi)(struct iscsi_context *, int);

    (void)header_digest;
    fputs("HeaderDigest=CRC32C\n", stderr);
    libiscsi = (int (*)(struct iscsi_context *, int))dlsym(RTLD_NEXT, "iscsi_set_header_digest");
    return libiscsi(iscsi, CRC32C);
}
