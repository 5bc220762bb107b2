/* journal-flush: tells the log daemon that /var is there. journal-relinquish: that it goes; waits until it has let go. */
#include <signal.h>

#include "early/early.h"
#include "logd/ask.h"
#include "logd/ring.h"

int step_journal_flush(struct early *e, char *const *args)
{
        int r = logd_ask(SIGUSR1, LOGD_WHEN_IDLE, NULL, 0);

        return r == -ESRCH
                       ? 0
                       : r; /* one that comes later is told by its own ring or by nobody: the log is in /run */
}

int step_journal_relinquish(struct early *e, char *const *args)
{
        int r = logd_ask(SIGUSR1, LOGD_LET_GO, "relinquished", 5 * USEC_PER_SEC);

        return r == -ESRCH ? 0 : r;
}
