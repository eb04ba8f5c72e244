/*
 * Lets iscsi-test-cu look at a logical unit that is not a disk.
 *
 * The tool's main() wants a capacity before its first test, and ends without one. This library is
 * loaded before libiscsi (LD_PRELOAD): what would be READ CAPACITY(10) is made an INQUIRY, which every
 * unit answers, and its answer is read as a capacity. Nothing else is touched, and the target sees an
 * ordinary initiator.
 *
 * The names are those of libiscsi's scsi-lowlevel.h (1.19); a task stays opaque.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>
#include <stdint.h>

struct scsi_task;

/* What the tool takes for the answer to READ CAPACITY(10). */
struct scsi_readcapacity10 {
    uint32_t lba;
    uint32_t block_size;
};

struct scsi_task *scsi_cdb_inquiry(int evpd, int page_code, int alloc_len);

static struct scsi_task *question;

struct scsi_task *scsi_cdb_readcapacity10(int lba, int pmi)
{
    (void)lba;
    (void)pmi;
    question = scsi_cdb_inquiry(0, 0, 36);
    return question;
}

void *scsi_datain_unmarshall(struct scsi_task *task)
{
    static struct scsi_readcapacity10 capacity = {.lba = 131071, .block_size = 512};
    void *(*libiscsi)(struct scsi_task *);

    if (task == question) {
        question = NULL;
        return &capacity;
    }
    libiscsi = (void *(*)(struct scsi_task *))dlsym(RTLD_NEXT, "scsi_datain_unmarshall");
    return libiscsi(task);
}
