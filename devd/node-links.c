/* Who owns a name below /dev: a stack of claimants for each link, in /run/udev/links.
 *
 * A directory a link (its name escaped), in it one symbolic link a claimant: the device's id, pointing at
 * "PRIORITY:DEVNODE". The claimant with the highest priority owns the name. Of equal ones, as under udevd: the one
 * whose event is handled takes it, whether the claim is new or not; when one gives up, whichever, it falls to the one
 * that made its claim last, which is the first in the directory. A file .lock in the directory is locked around each
 * change, so that the daemon and any number of foreground processes agree. A foreground process waits for the lock;
 * the daemon, whose main process never waits, sets its patience to nothing, gets -EAGAIN, and tries the whole step
 * again later.
 *
 * What was read of a directory is remembered with its time and size and used as long as these stand, and the best
 * claimant lies on top of a heap, so that thousands of claimants of one name cost thousands of small steps and not
 * millions, also when they go. */
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>

#include "db.h"
#include "lib/fileio.h"
#include "lib/hash.h"
#include "lib/log.h"

#define LOCK_POLL_NS (2 * 1000 * 1000)

struct claim {
        char *devnode;
        int priority;
        int64_t turn; /* more is later */
        size_t at;    /* in the heap */
        char id[];
};

struct stack {
        char *link;
        struct hash claims;  /* id → struct claim */
        struct claim **heap; /* all of them, each better than the two below it */
        size_t n_heap, cap_heap;
        int64_t last_turn;
        bool read;
        struct timespec mtime;
        off_t size;
};

static struct hash stacks; /* link → struct stack */
static usec_t patience = 30 * USEC_PER_SEC;

void links_escape(const char *link, char *buf)
{
        size_t n = 0;

        for (const char *p = link; *p; p++) {
                const char *e = *p == '/' ? "\\x2f" : *p == '\\' ? "\\x5c" : NULL;

                if (n + (e ? 4 : 1) > NAME_MAX) { /* too long: the end becomes a hash of the whole */
                        snprintf(buf + NAME_MAX - 11, 12, ".%010llx",
                                ((unsigned long long)hash_string(link) << 8 | (strlen(link) & 0xff)) &
                                        0xffffffffffull);
                        return;
                }
                if (e)
                        memcpy(buf + n, e, 4), n += 4;
                else
                        buf[n++] = *p;
        }
        buf[n] = 0;
}

int links_unescape(const char *name, char buf[static NAME_MAX + 1])
{
        const char *dot = strrchr(name, '.');
        size_t n = 0;

        if (strlen(name) >= NAME_MAX && dot && strlen(dot) == 11)
                return -EINVAL;
        for (const char *p = name; *p && n < NAME_MAX; n++) {
                bool slash = strncmp(p, "\\x2f", 4) == 0, back = strncmp(p, "\\x5c", 4) == 0;

                buf[n] = slash ? '/' : back ? '\\' : *p;
                p += slash || back ? 4 : 1;
        }
        buf[n] = '\0';
        return 0;
}

/* --- memory ----------------------------------------------------------------------------------------- */

static bool better(const struct claim *a, const struct claim *b)
{
        return a->priority != b->priority ? a->priority > b->priority : a->turn > b->turn;
}

/* NULL: nobody claims it. */
static struct claim *best(const struct stack *s)
{
        return s->n_heap > 0 ? s->heap[0] : NULL;
}

static void heap_place(struct stack *s, struct claim *c, size_t at)
{
        s->heap[at] = c;
        c->at = at;
}

/* c, which stands at its place or is new there, goes up or down to where it belongs. */
static void heap_sift(struct stack *s, struct claim *c)
{
        size_t at = c->at, child;

        for (; at > 0 && better(c, s->heap[(at - 1) / 2]); at = (at - 1) / 2)
                heap_place(s, s->heap[(at - 1) / 2], at);
        for (; (child = 2 * at + 1) < s->n_heap; at = child) {
                if (child + 1 < s->n_heap && better(s->heap[child + 1], s->heap[child]))
                        child++;
                if (!better(s->heap[child], c))
                        break;
                heap_place(s, s->heap[child], at);
        }
        heap_place(s, c, at);
}

static int heap_add(struct stack *s, struct claim *c)
{
        if (s->n_heap == s->cap_heap) {
                size_t cap = MAX(2 * s->cap_heap, (size_t)4);
                struct claim **p = reallocarray(s->heap, cap, sizeof(*p));

                if (!p)
                        return -ENOMEM;
                s->heap = p;
                s->cap_heap = cap;
        }
        heap_place(s, c, s->n_heap++);
        return 0;
}

static void heap_remove(struct stack *s, struct claim *c)
{
        struct claim *last = s->heap[--s->n_heap];

        if (last == c)
                return;
        heap_place(s, last, c->at);
        heap_sift(s, last);
}

static void claim_free(struct claim *c)
{
        if (c)
                free(c->devnode);
        free(c);
}

static void stack_clear(struct stack *s)
{
        HASHMAP_FOREACH (e, &s->claims)
                claim_free(e->value);
        hash_done(&s->claims);
        s->claims = (struct hash) { 0 };
        free(s->heap);
        s->heap = NULL;
        s->n_heap = s->cap_heap = 0;
        s->last_turn = 0;
        s->read = false;
}

static void stack_free(struct stack *s)
{
        stack_clear(s);
        free(s->link);
        free(s);
}

void links_forget(void)
{
        HASHMAP_FOREACH (e, &stacks)
                stack_free(e->value);
        hash_done(&stacks);
        stacks = (struct hash) { 0 };
}

static struct stack *stack_get(const char *link)
{
        struct stack *s = hash_get(&stacks, link);

        if (s)
                return s;
        s = calloc(1, sizeof(*s));
        if (!s)
                return NULL;
        s->link = strdup(link);
        if (!s->link || hash_put(&stacks, s->link, s) < 0) {
                free(s->link);
                free(s);
                return NULL;
        }
        return s;
}

static int stack_set(struct stack *s, const char *id, int priority, const char *devnode, int64_t turn)
{
        struct claim *c = hash_get(&s->claims, id);
        int r;

        if (!c) {
                c = calloc(1, sizeof(*c) + strlen(id) + 1);
                if (!c)
                        return -ENOMEM;
                strcpy(c->id, id);
                r = heap_add(s, c);
                if (r >= 0 && (r = hash_put(&s->claims, c->id, c)) < 0)
                        s->n_heap--;
                if (r < 0) {
                        free(c);
                        return r;
                }
        }
        c->priority = priority;
        c->turn = turn;
        heap_sift(s, c);
        return str_replace(&c->devnode, devnode);
}

static void stack_drop(struct stack *s, const char *id)
{
        struct claim *c = hash_del(&s->claims, id);

        if (c)
                heap_remove(s, c);
        claim_free(c);
}

void links_set_patience(usec_t limit)
{
        patience = limit;
}

/* --- disk ------------------------------------------------------------------------------------------- */

static int link_dir(const char *link, char buf[static PATH_MAX])
{
        char name[NAME_MAX + 1];

        links_escape(link, name);
        if (!*name || streq(name, ".") || streq(name, ".."))
                return -EINVAL;
        return str_concat_to(buf, PATH_MAX, root_run(), "/links/", name, NULL);
}

static int take_lock(int fd)
{
        usec_t until = usec_add(now_monotonic(), patience);

        while (flock(fd, LOCK_EX | LOCK_NB) < 0) {
                if (errno == EINTR)
                        continue;
                if (errno != EWOULDBLOCK)
                        return -errno;
                if (now_monotonic() >= until)
                        return -EAGAIN;
                nanosleep(&(struct timespec) { .tv_nsec = LOCK_POLL_NS }, NULL);
        }
        return 0;
}

/* Opens (and makes) the link's directory and locks it. The directory may be removed between the two steps by
 * another process that found it empty: then once more. */
static int lock_dir(const char *dir, bool make, int *ret_dirfd, int *ret_lockfd)
{
        for (int i = 0; i < 64; i++) {
                _cleanup_close_ int dfd = -1, lfd = -1;
                struct stat st;
                int r;

                if (make && mkdir(dir, 0755) < 0 && errno == ENOENT) {
                        r = mkdir_p(dir, 0755);
                        if (r < 0)
                                return r;
                }
                dfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
                if (dfd < 0) {
                        if (errno == ENOENT && make)
                                continue;
                        return -errno;
                }
                lfd = openat(dfd, ".lock", O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
                if (lfd < 0) {
                        if (errno == ENOENT)
                                continue;
                        return -errno;
                }
                r = take_lock(lfd);
                if (r < 0)
                        return r;
                if (fstat(lfd, &st) < 0 || st.st_nlink == 0)
                        continue;
                *ret_dirfd = TAKE_FD(dfd);
                *ret_lockfd = TAKE_FD(lfd);
                return 0;
        }
        return -EBUSY;
}

/* "-10:/dev/sda" */
static int parse_claim(char *text, int *ret_priority, const char **ret_node)
{
        char *colon = strchr(text, ':');

        if (!colon || !startswith(colon + 1, "/dev/") || !path_is_normalized(colon + 1))
                return -EINVAL;
        *colon = 0;
        if (parse_int(text, ret_priority) < 0)
                return -EINVAL;
        *ret_node = colon + 1;
        return 0;
}

/* The shortest way from the directory of /dev/LINK to the node: "../../sda", "../event0". */
int links_target(const char *link, const char *devnode, char buf[static PATH_MAX])
{
        const char *node = devnode + strlen("/dev/"), *from = link, *slash;
        size_t n = 0;

        while ((slash = strchr(from, '/')) && strncmp(from, node, (size_t)(slash + 1 - from)) == 0) {
                node += slash + 1 - from;
                from = slash + 1;
        }
        for (; (slash = strchr(from, '/')); from = slash + 1) {
                if (n + 3 >= PATH_MAX)
                        return -ENAMETOOLONG;
                memcpy(buf + n, "../", 3);
                n += 3;
        }
        return snprintf(buf + n, PATH_MAX - n, "%s", node) >= (int)(PATH_MAX - n) ? -ENAMETOOLONG : 0;
}

static int stack_read(struct stack *s, int dirfd)
{
        _cleanup_closedir_ DIR *d = NULL;
        struct dirent *e;
        struct stat st;
        int64_t turn = 0;
        int fd, r;

        if (fstat(dirfd, &st) < 0)
                return -errno;
        if (s->read && st.st_size == s->size && st.st_mtim.tv_sec == s->mtime.tv_sec &&
                st.st_mtim.tv_nsec == s->mtime.tv_nsec)
                return 0;
        stack_clear(s);
        fd = openat(dirfd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
        if (fd < 0)
                return -errno;
        d = fdopendir(fd);
        if (!d) {
                close(fd);
                return -errno;
        }
        while ((e = readdir(d))) {
                char text[PATH_MAX];
                const char *node;
                ssize_t n;
                int priority;

                if (e->d_name[0] == '.')
                        continue;
                n = readlinkat(dirfd, e->d_name, text, sizeof(text) - 1);
                if (n <= 0)
                        continue;
                text[n] = 0;
                if (parse_claim(text, &priority, &node) < 0)
                        continue;
                r = stack_set(s, e->d_name, priority, node, --turn);
                if (r < 0)
                        return r;
        }
        return 0;
}

static void stack_remember(struct stack *s, int dirfd)
{
        struct stat st;

        s->read = fstat(dirfd, &st) >= 0;
        s->mtime = st.st_mtim;
        s->size = st.st_size;
}

/* --- the link in /dev ------------------------------------------------------------------------------- */

void links_remove_empty_parents(char *path)
{
        char *slash;
        size_t root = strlen(root_dev());

        while ((slash = strrchr(path, '/')) && (size_t)(slash - path) > root) {
                *slash = 0;
                if (rmdir(path) < 0)
                        return;
        }
}

static int drop_link(const char *link)
{
        char full[PATH_MAX], path[PATH_MAX];
        struct stat st;
        int r;

        if (str_concat_to(full, sizeof(full), "/dev/", link, NULL) < 0)
                return -ENAMETOOLONG;
        r = real_dev_path(full, path);
        if (r < 0)
                return r;
        if (lstat(path, &st) < 0 || !S_ISLNK(st.st_mode))
                return 0;
        if (unlink(path) < 0 && errno != ENOENT)
                return -errno;
        links_remove_empty_parents(path);
        return 0;
}

static int point_link(const char *link, const char *devnode)
{
        char full[PATH_MAX], path[PATH_MAX], have[PATH_MAX], target[PATH_MAX];
        struct stat st;
        ssize_t n;
        int r;

        if (str_concat_to(full, sizeof(full), "/dev/", link, NULL) < 0)
                return -ENAMETOOLONG;
        if (streq(full, devnode))
                return -EINVAL;
        r = real_dev_path(full, path);
        if (r < 0)
                return r;
        r = links_target(link, devnode, target);
        if (r < 0)
                return r;
        n = readlink(path, have, sizeof(have) - 1);
        if (n >= 0) {
                have[n] = 0;
                if (streq(have, target))
                        return 0;
                return symlink_atomic(target, path);
        }
        if (lstat(path, &st) >= 0) /* something else in the way: a node, a directory */
                return -EEXIST;
        /* The usual case is a new name: no temporary one needed. A directory may vanish as we make it. */
        for (int i = 0; i < 16; i++) {
                if (symlink(target, path) >= 0)
                        return 0;
                if (errno == EEXIST)
                        return symlink_atomic(target, path);
                if (errno != ENOENT)
                        return -errno;
                r = mkdir_parents(path, 0755);
                if (r < 0 && r != -ENOENT)
                        return r;
        }
        return -ENOENT;
}

static bool link_name_ok(const char *link)
{
        return *link && *link != '/' && path_is_normalized(link);
}

/* The link points at the claimant whose event this is, unless another one's priority is higher. */
static int point_for(struct stack *s, const char *id)
{
        struct claim *c = hash_get(&s->claims, id), *top = best(s);

        return point_link(s->link, c->priority < top->priority ? top->devnode : c->devnode);
}

/* Nobody has touched the directory since this very claim was seen there: no need to lock it. */
static bool claim_stands(struct stack *s, const char *dir, const char *id, int priority, const char *devnode)
{
        struct claim *c = hash_get(&s->claims, id);
        struct stat st;

        return s->read && c && c->priority == priority && streq_null(c->devnode, devnode) &&
               stat(dir, &st) >= 0 && st.st_size == s->size && st.st_mtim.tv_sec == s->mtime.tv_sec &&
               st.st_mtim.tv_nsec == s->mtime.tv_nsec;
}

int links_claim(const char *link, const char *id, int priority, const char *devnode)
{
        _cleanup_close_ int dfd = -1, lfd = -1;
        char dir[PATH_MAX], value[PATH_MAX];
        struct stack *s = stack_get(link);
        struct claim *c;
        int r;

        if (!s)
                return -ENOMEM;
        if (!link_name_ok(link) || !startswith(devnode, "/dev/") || strchr(id, '/') || id[0] == '.')
                return -EINVAL;
        r = link_dir(link, dir);
        if (r >= 0 && claim_stands(s, dir, id, priority, devnode))
                return point_for(s, id);
        if (r >= 0)
                r = lock_dir(dir, true, &dfd, &lfd);
        if (r >= 0)
                r = stack_read(s, dfd);
        if (r < 0)
                return r;
        c = hash_get(&s->claims, id);
        if (!c || c->priority != priority || !streq_null(c->devnode, devnode)) {
                if (snprintf(value, sizeof(value), "%d:%s", priority, devnode) >= (int)sizeof(value))
                        return -ENAMETOOLONG;
                (void)unlinkat(dfd, id, 0);
                if (symlinkat(value, dfd, id) < 0)
                        return -errno;
                r = stack_set(s, id, priority, devnode, ++s->last_turn);
                if (r < 0)
                        return r;
        }
        stack_remember(s, dfd);
        return point_for(s, id);
}

static int give_up(struct stack *s, const char *dir, int dfd, const char *id)
{
        if (unlinkat(dfd, id, 0) < 0 && errno != ENOENT)
                return -errno;
        stack_drop(s, id);
        stack_remember(s, dfd);
        if (best(s))
                return point_link(s->link, best(s)->devnode);
        (void)unlinkat(dfd, ".lock", 0);
        (void)rmdir(dir);
        return drop_link(s->link);
}

int links_release(const char *link, const char *id)
{
        _cleanup_close_ int dfd = -1, lfd = -1;
        char dir[PATH_MAX];
        struct stack *s;
        int r;

        if (!link_name_ok(link) || strchr(id, '/') || id[0] == '.')
                return -EINVAL;
        s = stack_get(link);
        if (!s)
                return -ENOMEM;
        r = link_dir(link, dir);
        if (r >= 0)
                r = lock_dir(dir, false, &dfd, &lfd);
        if (r == -ENOENT) { /* nobody claims it */
                r = drop_link(link);
                goto forget;
        }
        if (r >= 0)
                r = stack_read(s, dfd);
        if (r >= 0)
                r = give_up(s, dir, dfd, id);
forget:
        if (!best(s)) {
                hash_del(&stacks, s->link);
                stack_free(s);
        }
        return r;
}

int links_release_others(const char *id, char *const *keep)
{
        _cleanup_closedir_ DIR *dir = NULL;
        char path[PATH_MAX], link[NAME_MAX + 1];
        int dfd, first = 0, r;
        struct dirent *e;

        snprintf(path, sizeof(path), "%s/links", root_run());
        dir = opendir(path);
        while (dir && (e = readdir(dir))) {
                if (e->d_name[0] == '.' || links_unescape(e->d_name, link) < 0 || strv_contains(keep, link))
                        continue;
                dfd = openat(dirfd(dir), e->d_name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
                r = dfd >= 0 && faccessat(dfd, id, F_OK, AT_SYMLINK_NOFOLLOW) >= 0 ? links_release(link, id)
                                                                                   : 0;
                close_fd(dfd);
                if (r < 0 && (first == 0 || r == -EAGAIN))
                        first = r;
        }
        return first;
}
