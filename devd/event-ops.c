/* What the rules engine asks of the main process: answered in place, from a memo, or put off. See event.h. */
#include "event.h"

#include "lib/initrddevs.h"
#include "lib/log.h"
#include "modules.h"
#include "monitor.h"
#include "watch.h"

#define LOCK_RETRY  (200 * USEC_PER_MSEC)
#define LOCK_GIVEUP (180 * USEC_PER_SEC)

static struct memo *memo_find(struct event_run *run, bool builtin, const char *command)
{
        /* The rules ask in the same order each time they run again. */
        if (run->cursor < run->n_memos) {
                struct memo *k = &run->memos[run->cursor];

                if (k->builtin == builtin && streq(k->command, command)) {
                        run->cursor++;
                        return k;
                }
        }
        return NULL;
}

static struct memo *memo_add(struct event_run *run)
{
        struct memo *p = reallocarray(run->memos, run->n_memos + 1, sizeof(*p));

        if (!p)
                return NULL;
        run->memos = p;
        p = &run->memos[run->n_memos++];
        *p = (struct memo) { .builtin = run->pending_builtin, .command = TAKE_PTR(run->pending) };
        return p;
}

void event_memos_free(struct event_run *run)
{
        for (size_t i = 0; i < run->n_memos; i++) {
                free(run->memos[i].command);
                free(run->memos[i].output);
                free(run->memos[i].answer);
        }
        free(run->memos);
        run->memos = NULL;
        run->n_memos = 0;
        free(run->pending);
        run->pending = NULL;
}

static int put_off(struct event_run *run, bool builtin, const char *command)
{
        int r = str_replace(&run->pending, command);

        run->pending_builtin = builtin;
        return r < 0 ? r : RULES_DEFER;
}

static int op_program(struct device *d, struct rules_event *e, const char *command, char **ret_output)
{
        struct event_run *run = e->data;
        struct memo *k = memo_find(run, false, command);

        if (!k)
                return put_off(run, false, command);
        if (ret_output) {
                *ret_output = strdup(k->output ?: "");
                if (!*ret_output)
                        return -ENOMEM;
        }
        return k->result;
}

/* The first word of a builtin's command is name? Then what follows, else NULL. */
static const char *builtin_is(const char *command, const char *name)
{
        const char *rest = startswith(command, name);

        return rest && (*rest == '\0' || *rest == ' ') ? rest + strspn(rest, " ") : NULL;
}

/* blkid's answer as rouse-initrd found it, if it counts for this disk still. */
static bool known_from_initrd(struct event_run *run, struct device *d, const char *args)
{
        const struct initrd_device *k;
        struct device *disk = d;
        const char *seq;
        uint64_t diskseq = 0;

        if (!run->m->initrd || !streq(d->action, "add") || d->major < 0)
                return false;
        if (*args && !streq(args, "--noraid"))
                return false;
        if (streq_null(d->devtype, "partition"))
                disk = device_parent(d);
        seq = disk ? device_attr(disk, "diskseq") : NULL;
        if (seq && parse_u64(seq, &diskseq) < 0)
                return false;
        k = initrd_devices_find(run->m->initrd, (unsigned)d->major, (unsigned)d->minor, d->devpath, diskseq);
        if (!k)
                return false;
        FOREACH_STR (p, k->properties)
                if (*args && streq(*p, "ID_FS_USAGE=raid"))
                        return false;
        FOREACH_STR (p, k->properties) {
                char key[128];
                const char *eq = strchr(*p, '=');

                if (!eq || (size_t)(eq - *p) >= sizeof(key))
                        continue;
                memcpy(key, *p, (size_t)(eq - *p));
                key[eq - *p] = '\0';
                (void)device_set_prop(d, key, eq + 1);
        }
        run->m->n_known += !run->counted;
        run->counted = true;
        return true;
}

static int op_builtin(struct device *d, struct rules_event *e, const char *command)
{
        struct event_run *run = e->data;
        const struct builtin *b = builtin_find(command);
        const char *args;
        struct memo *k;

        if (!b)
                return -ENOENT;
        if ((args = builtin_is(command, "kmod")))
                return modules_builtin(run->m, d, args);
        if (!(b->flags & BUILTIN_BLOCKS))
                return builtin_run(d, e, command);
        args = builtin_is(command, "blkid");
        if (args && known_from_initrd(run, d, args))
                return 0;
        if (args && streq_null(device_attr(d, "size"), "0"))
                return -ENODATA; /* a loop device without a file, a drive without a medium: nothing to read */
        k = memo_find(run, true, command);
        if (!k && args)
                run->m->n_probed++;
        if (!k)
                return put_off(run, true, command);
        if (k->answer) {
                struct wire_reader r = { .p = k->answer, .end = (uint8_t *)k->answer + k->answer_len };

                return worker_get_done(&r, d);
        }
        return k->result;
}

const struct rules_ops event_ops = { .program = op_program, .builtin = op_builtin };

static void on_program(int result, const char *output, size_t len, void *data)
{
        struct event_run *run = data;
        struct memo *k = memo_add(run);

        run->task = NULL;
        watch_deafen(run->m, run->d->id, false);
        if (k) {
                k->result = result;
                k->output = strndup(output, len);
        }
        event_rules(run);
}

static void on_retry(struct loop_timer *t)
{
        event_rules(t->data);
}

/* Somebody holds the whole disk's lock: later, for a few minutes. */
static bool retry_locked(struct event_run *run)
{
        usec_t now = now_monotonic();

        if (!run->retry_until)
                run->retry_until = usec_add(now, LOCK_GIVEUP);
        if (now >= run->retry_until)
                return false;
        run->retry.cb = on_retry;
        run->retry.data = run;
        run->replays--;
        return loop_timer_set(run->m->loop, &run->retry, usec_add(now, LOCK_RETRY)) >= 0;
}

/* What could not be asked for want of something has no answer, which is not an empty one. */
static void check_want(struct event_run *run, int r)
{
        if (r == -EAGAIN || r == -ENOMEM || r == -EMFILE || r == -ENFILE)
                run->unwritten = true;
}

static void on_worker(int result, struct wire_reader *r, void *data)
{
        struct event_run *run = data;
        struct memo *k;

        run->request = NULL;
        if (r) {
                struct wire_reader peek = *r;

                result = (int32_t)wire_get_u32(&peek);
                if (result == -EBUSY && retry_locked(run))
                        return;
        } else
                check_want(run, result);
        k = memo_add(run);
        if (k) {
                k->result = result;
                k->answer_len = r ? (size_t)(r->end - r->p) : 0;
                k->answer = r ? malloc(k->answer_len) : NULL;
                if (k->answer)
                        memcpy(k->answer, r->p, k->answer_len);
        }
        event_rules(run);
}

/* Formatters hold the exclusive lock of the whole disk; dm, md and drbd have locks of their own kind. */
static uint32_t lock_flag(const struct device *d)
{
        bool own = startswith(d->sysname, "dm-") || startswith(d->sysname, "md") ||
                   startswith(d->sysname, "drbd");

        return streq_null(d->subsystem, "block") && !own && !streq(d->action, "remove") ? WK_LOCK : 0;
}

void event_pending_failed(struct event_run *run, int r)
{
        struct memo *k = memo_add(run);

        check_want(run, r);
        if (k)
                k->result = r;
}

int event_start_pending(struct event_run *run)
{
        struct devd *m = run->m;
        int r;

        if (run->pending_builtin) {
                _cleanup_wire_ struct wire_writer w = {};

                if (builtin_is(run->pending, "blkid") && !streq(run->d->action, "remove"))
                        watch_probe(m, run->d);
                worker_put_builtin(&w, 1, run->d, run->pending, lock_flag(run->d));
                return pool_request(m, worker_kind_of(run->pending), &w, m->event_timeout, on_worker, run,
                        &run->request);
        }
        strv_free(run->env);
        run->env = monitor_environment(run->d);
        watch_deafen(m, run->d->id, true);
        r = task_program(m, run->pending, run->env, m->event_timeout, on_program, run, &run->task);
        if (r < 0)
                watch_deafen(m, run->d->id, false);
        return r;
}
