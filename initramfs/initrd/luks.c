/* LUKS: which devices are opened, under which name, and with what.
 *
 * Entries come from the image's /etc/crypttab (crypttab(5)) and from rd.luks.name=, rd.luks.uuid=, rd.luks.key=,
 * rd.luks.options= (systemd-cryptsetup-generator(8)). Without any, each LUKS device is opened as luks-UUID, but
 * only when the root has not been found without.
 *
 * An entry is opened by the first of these that works: a token that cryptsetup's plugins know (TPM2), a key file
 * (in the image, or on a device of its own) or what a keyscript= prints, a passphrase that opened another device, a
 * passphrase from the console, asked for `tries` times. */

#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include "initramfs/initrd/stack.h"
#include "initramfs/initrd/switch.h"
#include "lib/fileio.h"
#include "lib/log.h"

#define CRYPTSETUP "/sbin/cryptsetup"
#define KEY_MOUNT  "/run/rouse/keys"
#define SCRIPTS    "/lib/cryptsetup/scripts/" /* where a keyscript= without a directory is */
#define TRIES      3

enum luks_next { TRY_TOKEN, TRY_KEY, TRY_CACHED, TRY_ASK, OPEN, FAILED };

struct luks_entry {
        char *name, *uuid; /* uuid: by which words of the command line name it; NULL: none */
        struct root_spec source;
        char *key; /* a file; NULL: none */
        struct root_spec key_device;
        char *header;
        struct root_spec header_device;
        char **arguments; /* for cryptsetup, from the options */
        char **options;   /* as they are written, for a keyscript */
        char *script;     /* keyscript=; what it is to be told is in key */
        char *type;
        unsigned tries, asked, scripted;
        size_t cached; /* passphrases tried of those kept */
        enum luks_next next;
};

struct luks {
        struct luks_entry *entry;
        size_t n;
        bool named; /* entries were given; else they are made from what is seen */
        struct luks_entry *current;
        char *node;                  /* of the current one */
        char **secrets;              /* passphrases that were right */
        char *answer, *answer_for;   /* typed, and the entry's name */
        struct tool_capture printed; /* by the keyscript of the current one */
};

/* --- entries --- */

static struct luks_entry *add_entry(struct luks *l, const char *name, const char *source)
{
        struct luks_entry *grown = reallocarray(l->entry, l->n + 1, sizeof *grown);

        if (!grown)
                return NULL;
        l->entry = grown;
        struct luks_entry *e = &grown[l->n];
        *e = (struct luks_entry) { .name = strdup(name), .tries = TRIES };
        if (!e->name || root_parse(source, &e->source) < 0)
                return NULL;
        if (e->source.kind == ROOT_UUID)
                e->uuid = strdup(e->source.value);
        l->n++;
        return e;
}

static struct luks_entry *find_entry(struct luks *l, const char *uuid)
{
        for (size_t i = 0; i < l->n; i++)
                if (l->entry[i].uuid && strcasecmp(l->entry[i].uuid, uuid) == 0)
                        return &l->entry[i];
        return NULL;
}

/* PATH or PATH:DEVICE */
static void set_file(const char *v, char **file, struct root_spec *device)
{
        const char *colon = strchr(v, ':');

        free(*file);
        *file = strndup(v, colon ? (size_t)(colon - v) : strlen(v));
        root_done(device);
        if (colon)
                (void)root_parse(colon + 1, device);
}

/* crypttab(5) option → cryptsetup's argument; "=" at the end: with a value. */
static const struct {
        const char *option, *argument;
} arguments[] = {
        { "discard", "--allow-discards" }, { "allow-discards", "--allow-discards" },
        { "readonly", "--readonly" }, { "read-only", "--readonly" },
        { "same-cpu-crypt", "--perf-same_cpu_crypt" },
        { "submit-from-crypt-cpus", "--perf-submit_from_crypt_cpus" },
        { "no-read-workqueue", "--perf-no_read_workqueue" },
        { "no-write-workqueue", "--perf-no_write_workqueue" }, { "key-slot=", "--key-slot=" },
        { "keyslot=", "--key-slot=" }, { "keyfile-offset=", "--keyfile-offset=" },
        { "keyfile-size=", "--keyfile-size=" }, { "sector-size=", "--sector-size=" },
        { "cipher=", "--cipher=" }, { "hash=", "--hash=" }, { "size=", "--key-size=" },
        { "offset=", "--offset=" }, { "skip=", "--skip=" },
        /* of other programs, or of no meaning here */
        { "initramfs", NULL }, { "luks", NULL }, { "noearly", NULL }, { "loud", NULL }, { "quiet", NULL },
        { "nofail", NULL }, { "_netdev", NULL }, { "noauto", NULL }, { "password-echo=", NULL },
        { "token-timeout=", NULL }, { "tpm2-device=", NULL }, /* the header's token says which */
        { "tpm2-pcrs=", NULL }, { "fido2-device=", NULL }, { "pkcs11-uri=", NULL }, { "timeout=", NULL },
        { "keyfile-timeout=", NULL }, /* rd.degraded= is the time for all that may be missing */
};

static bool set_argument(struct luks_entry *e, const char *w)
{
        for (size_t i = 0; i < ARRAY_SIZE(arguments); i++) {
                const char *rest = startswith(w, arguments[i].option);

                if (!rest || (*rest && !endswith(arguments[i].option, "=")))
                        continue;
                if (arguments[i].argument)
                        (void)strv_addf(&e->arguments, "%s%s", arguments[i].argument, rest);
                return true;
        }
        return startswith(w, "x-");
}

static void set_option(struct luks_entry *e, const char *w)
{
        static const char *const types[] = { "plain", "bitlk", "tcrypt", "loopaes" };
        const char *v;
        uint32_t n;

        for (size_t i = 0; i < ARRAY_SIZE(types); i++)
                if (streq(w, types[i])) {
                        (void)str_replace(&e->type, types[i]);
                        return;
                }
        if ((v = startswith(w, "tries=")) && parse_u32(v, &n) >= 0)
                e->tries = n ?: UINT32_MAX;
        else if ((v = startswith(w, "header=")))
                set_file(v, &e->header, &e->header_device);
        else if ((v = startswith(w, "keyscript="))) {
                free(e->script);
                e->script = str_printf("%s%s", strchr(v, '/') ? "" : SCRIPTS, v);
        } else if (!set_argument(e, w))
                log_warning("luks: %s: option %s is not known; ignored", e->name, w);
}

static void set_options(struct luks_entry *e, const char *list)
{
        _cleanup_strv_ char **words = strv_split(list, ",");

        FOREACH_STR (w, words) {
                (void)strv_add_unique(&e->options, *w);
                set_option(e, *w);
        }
}

static void read_crypttab(struct luks *l)
{
        _cleanup_free_ char *text = NULL;

        if (read_file("/etc/crypttab", 1 << 20, &text, NULL) < 0)
                return;
        for (char *rest = text, *line; (line = strsep(&rest, "\n"));) {
                _cleanup_strv_ char **f = *line == '#' ? NULL : strv_split(line, " \t");
                size_t n = strv_len(f);

                if (n < 2 || f[0][0] == '#')
                        continue;
                struct luks_entry *e = add_entry(l, f[0], f[1]);
                if (!e)
                        continue;
                if (n > 2 && !streq(f[2], "none") && !streq(f[2], "-"))
                        set_file(f[2], &e->key, &e->key_device);
                if (n > 3)
                        set_options(e, f[3]);
        }
}

/* "UUID=REST" or "REST", which is for all. */
static void for_each_named(
        struct luks *l, const char *value, void (*set)(struct luks_entry *e, const char *rest))
{
        const char *eq = strchr(value, '=');
        _cleanup_free_ char *uuid = eq ? strndup(value, eq - value) : NULL;
        struct luks_entry *e = uuid ? find_entry(l, startswith(uuid, "luks-") ?: uuid) : NULL;

        if (e)
                set(e, eq + 1);
        else
                for (size_t i = 0; i < l->n; i++)
                        set(&l->entry[i], value);
}

static void set_key(struct luks_entry *e, const char *v)
{
        set_file(v, &e->key, &e->key_device);
}

/* luks.data=UUID=DEVICE: where the data is of what has its header elsewhere. */
static void set_data(struct luks *l, const char *v)
{
        const char *eq = strchr(v, '=');
        _cleanup_free_ char *uuid = eq ? strndup(v, eq - v) : NULL;
        struct luks_entry *e = uuid ? find_entry(l, uuid) : NULL;

        if (!e) {
                log_warning(
                        "luks: luks.data=%s names no device that luks.name= or luks.uuid= names; ignored",
                        v);
                return;
        }
        root_done(&e->source);
        (void)root_parse(eq + 1, &e->source);
}

/* The words of the command line that may be given with and without "rd.". */
static const char *luks_word(const char *w, const char *key)
{
        return startswith(startswith(w, "rd.") ?: w, key);
}

static void read_words(struct luks *l, char *const *words)
{
        const char *v;

        FOREACH_STR (w, words) {
                if ((v = luks_word(*w, "luks.name="))) {
                        const char *eq = strchr(v, '=');
                        _cleanup_free_ char *source = str_printf("UUID=%.*s", eq ? (int)(eq - v) : 0, v);
                        struct luks_entry *e = source && eq ? find_entry(l, source + 5) : NULL;

                        if (e)
                                (void)str_replace(&e->name, eq + 1);
                        else if (source && eq)
                                (void)add_entry(l, eq + 1, source);
                } else if ((v = luks_word(*w, "luks.uuid="))) {
                        const char *uuid = startswith(v, "luks-") ?: v;
                        _cleanup_free_ char *source = str_printf("UUID=%s", uuid),
                                            *name = str_printf("luks-%s", uuid);

                        if (source && name && !find_entry(l, uuid))
                                (void)add_entry(l, name, source);
                }
        }
        l->named = l->n > 0;
}

/* Keys and options count for all entries, so they come after them. */
static void read_more_words(struct luks *l, char *const *words)
{
        const char *v;

        FOREACH_STR (w, words)
                if ((v = luks_word(*w, "luks.key=")))
                        for_each_named(l, v, set_key);
                else if ((v = luks_word(*w, "luks.options=")))
                        for_each_named(l, v, set_options);
                else if ((v = luks_word(*w, "luks.data=")))
                        set_data(l, v);
}

static struct luks *luks_of(struct stack *s)
{
        if (!s->luks && (s->luks = calloc(1, sizeof *s->luks))) {
                read_crypttab(s->luks);
                read_words(s->luks, s->o->words);
                read_more_words(s->luks, s->o->words);
        }
        return s->luks;
}

/* --- devices --- */

/* Devices that nobody has named: the one that the root is on, and, once the root could have been found without,
 * all. */
static void name_the_unnamed(struct stack *s, struct luks *l)
{
        for (size_t i = 0; i < s->blocks->n && !l->named; i++) {
                struct block *d = s->blocks->block[i];
                bool root = s->root_luks && streq_null(s->root_luks, d->uuid);

                if (d->taken || d->held || !d->uuid || !streq(d->type ?: "", "crypto_LUKS") ||
                        !(s->idle || root))
                        continue;
                d->taken = true;
                _cleanup_free_ char *name = root ? strdup("root") : str_printf("luks-%s", d->uuid);
                _cleanup_free_ char *source = str_printf("UUID=%s", d->uuid);
                if (name && source && add_entry(l, name, source))
                        read_more_words(l, s->o->words);
        }
}

/* Makes a file of another device readable: the path to use, or NULL when its device is not there yet. */
static char *reach_file(struct stack *s, const char *file, const struct root_spec *device, const char *at)
{
        if (device->kind == ROOT_NONE)
                return strdup(file);
        struct block *d = blocks_find(s->blocks, device);
        char alias[64];

        if (!d || !d->type)
                return NULL;
        snprintf(alias, sizeof alias, "fs-%s", d->type);
        loader_modalias(s->loader, alias);
        if (loader_alias_busy(s->loader, alias))
                return NULL; /* its end wakes us again */
        (void)mkdir_p(at, 0700);
        if (mount(d->node, at, d->type, MS_RDONLY | MS_NOSUID | MS_NODEV | MS_NOEXEC, NULL) < 0 &&
                errno != EBUSY) {
                log_error_errno(-errno, "luks: cannot mount %s, which should hold %s: %m", d->node, file);
                return strdup(file);
        }
        return str_printf("%s/%s", at, file + strspn(file, "/"));
}

static void leave_files(void)
{
        (void)umount2(KEY_MOUNT "/key", MNT_DETACH);
        (void)umount2(KEY_MOUNT "/header", MNT_DETACH);
}

static void advance(struct stack *s, struct luks_entry *e, bool opened)
{
        leave_files();
        if (opened)
                e->next = OPEN;
        else if (e->next == TRY_TOKEN || (e->next == TRY_KEY && (!e->script || e->scripted >= e->tries)))
                e->next++;
        s->luks->current = NULL;
        free(s->luks->node);
        s->luks->node = NULL;
        s->changed(s);
}

static void on_end(struct tool *t, int code)
{
        struct stack *s = t->data;
        struct luks *l = s->luks;
        struct luks_entry *e = l->current;
        bool opened = code == 0;

        if (opened)
                log_info("luks: %s is open as %s", l->node, e->name);
        if (l->answer && opened)
                (void)strv_add_unique(&l->secrets, l->answer);
        explicit_bzero(&l->printed, sizeof l->printed);
        if (!opened && e->next == TRY_KEY)
                log_error("luks: %s %s does not open %s", e->script ? "what was printed by" : "the key file",
                        e->script ?: e->key, l->node);
        if (!opened && e->next == TRY_ASK) {
                if (code == 2)
                        log_error("luks: wrong passphrase for %s (%s)", l->node, e->name);
                if (++e->asked >= e->tries) {
                        log_error("luks: %s (%s) was not opened after %u tries", l->node, e->name, e->asked);
                        e->next = FAILED;
                        s->failed = "luks";
                }
        }
        if (l->answer)
                explicit_bzero(l->answer, strlen(l->answer));
        free(l->answer);
        l->answer = NULL;
        advance(s, e, opened);
}

/* cryptsetup open, with the entry's arguments and these more. header: NULL or the path. */
static int open_with(struct stack *s, struct luks_entry *e, const char *more, const char *value,
        const char *header, const char *secret, size_t len)
{
        const char *argv[32] = { CRYPTSETUP, "open", "--batch-mode", "--type", e->type ?: "luks", more };
        size_t n = 6;

        if (value)
                argv[n++] = value;
        if (header) {
                argv[n++] = "--header";
                argv[n++] = header;
        }
        FOREACH_STR (a, e->arguments)
                if (n < ARRAY_SIZE(argv) - 3)
                        argv[n++] = *a;
        argv[n++] = s->luks->node;
        argv[n++] = e->name;
        return stack_run(s, argv, secret, len, on_end);
}

static int open_with_text(struct stack *s, struct luks_entry *e, const char *header, const char *secret)
{
        return open_with(s, e, "--key-file", "-", header, secret, strlen(secret));
}

/* --- keyscript= --- */

static void on_script_end(struct tool *t, int code)
{
        struct stack *s = t->data;
        struct luks *l = s->luks;

        t->capture = NULL;
        if (code || !l->printed.len || l->printed.too_long) {
                log_error("luks: %s gave no key for %s (exit code %d)", l->current->script, l->node, code);
                explicit_bzero(&l->printed, sizeof l->printed);
                advance(s, l->current, false);
                return;
        }
        s->changed(s);
}

/* As crypttab(5) of Debian has it: the third field is its argument, the rest is in its environment. */
static int run_script(struct stack *s, struct luks_entry *e)
{
        struct luks *l = s->luks;
        const char *key = e->key ?: "none", *argv[] = { e->script, key, NULL };
        _cleanup_strv_ char **env = NULL;
        _cleanup_free_ char *options = strv_join(e->options, ",");

        if (strv_addf(&env, "CRYPTTAB_NAME=%s", e->name) < 0 ||
                strv_addf(&env, "CRYPTTAB_SOURCE=%s", l->node) < 0 ||
                strv_addf(&env, "CRYPTTAB_KEY=%s", key) < 0 ||
                strv_addf(&env, "CRYPTTAB_OPTIONS=%s", options ?: "") < 0 ||
                strv_addf(&env, "CRYPTTAB_TRIED=%u", e->scripted) < 0)
                return 0;
        FOREACH_STR (o, e->options) {
                _cleanup_free_ char *name = strndup(*o, strcspn(*o, "="));
                const char *eq = strchr(*o, '=');

                for (char *p = name; p && *p; p++)
                        if (*p == '-')
                                *p = '_';
                if (name)
                        (void)strv_addf(&env, "CRYPTTAB_OPTION_%s=%s", name, eq ? eq + 1 : "yes");
        }
        e->scripted++;
        l->printed = (struct tool_capture) { .len = 0 };
        s->tool.capture = &l->printed;
        s->tool.environment = env;
        int r = stack_run(s, argv, NULL, 0, on_script_end);
        s->tool.environment = NULL;
        if (!r) {
                s->tool.capture = NULL;
                e->next = TRY_CACHED;
        }
        return r;
}

static void on_answer(struct ask *a, const char *text, size_t len)
{
        struct stack *s = a->data;
        struct luks *l = s->luks;

        l->answer = strndup(text, len);
        s->changed(s);
}

static int ask(struct stack *s, struct luks_entry *e)
{
        _cleanup_free_ char *question = str_printf("\r\nPassphrase for %s (%s): ", s->luks->node, e->name);

        s->ask.answered = on_answer;
        s->ask.data = s;
        int r = question ? ask_start(&s->ask, question) : -ENOMEM;
        if (r >= 0 && (r = str_replace(&s->luks->answer_for, e->name)) >= 0)
                return 1;
        log_error_errno(r, "luks: cannot ask for the passphrase of %s: %m", s->luks->node);
        e->next = FAILED;
        s->failed = "luks";
        return 0;
}

static bool have_token_plugins(void)
{
        static const char *const dirs[] = { "/lib/x86_64-linux-gnu/cryptsetup",
                "/usr/lib/x86_64-linux-gnu/cryptsetup", "/lib/aarch64-linux-gnu/cryptsetup",
                "/usr/lib/aarch64-linux-gnu/cryptsetup", "/usr/lib/cryptsetup" };

        for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
                if (access(dirs[i], F_OK) == 0)
                        return true;
        return false;
}

/* The next attempt on one entry. 1 when something is under way. */
static int try_entry(struct stack *s, struct luks_entry *e, const struct block *d)
{
        struct luks *l = s->luks;
        _cleanup_free_ char *header = NULL, *key = NULL;

        if (!stack_driver(s, "dm_mod"))
                return 0;
        if (e->header && !(header = reach_file(s, e->header, &e->header_device, KEY_MOUNT "/header")))
                return 0; /* its device is not there yet */
        l->current = e;
        free(l->node);
        l->node = strdup(d->node);
        if (!l->node)
                return 0;
        if (e->next == TRY_TOKEN && (e->type || !have_token_plugins()))
                e->next = TRY_KEY;
        if (e->next == TRY_TOKEN) { /* both are asked for at once */
                bool tis = stack_driver(s, "tpm_tis"), crb = stack_driver(s, "tpm_crb");

                if (!tis || !crb)
                        return 0;
        }
        if (e->next == TRY_TOKEN)
                return open_with(s, e, "--token-only", NULL, header, NULL, 0);
        if (e->next == TRY_KEY && e->script)
                return l->printed.len
                               ? open_with(s, e, "--key-file", "-", header, l->printed.text, l->printed.len)
                               : run_script(s, e);
        if (e->next == TRY_KEY && e->key) {
                key = reach_file(s, e->key, &e->key_device, KEY_MOUNT "/key");
                if (key)
                        return open_with(s, e, "--key-file", key, header, NULL, 0);
                if (!s->key_overdue)
                        return 0;
                log_error("luks: the device %s with the key file of %s has not appeared; asking instead",
                        e->key_device.text, e->name);
        }
        if (e->next == TRY_KEY)
                e->next = TRY_CACHED;
        if (e->next == TRY_CACHED && e->cached < strv_len(l->secrets))
                return open_with_text(s, e, header, l->secrets[e->cached++]);
        if (e->next == TRY_CACHED)
                e->next = TRY_ASK;
        if (!l->answer)
                return ask(s, e);
        return streq(l->answer_for ?: "", e->name) && open_with_text(s, e, header, l->answer);
}

int luks_step(struct stack *s)
{
        struct luks *l = s->o->luks ? luks_of(s) : NULL;

        if (!l)
                return 0;
        name_the_unnamed(s, l);
        for (size_t i = 0; i < l->n; i++) {
                struct luks_entry *e = &l->entry[i];
                struct block *d = e->next < OPEN ? blocks_find(s->blocks, &e->source) : NULL;

                if (!d)
                        continue;
                d->taken = true;
                if (try_entry(s, e, d))
                        return 1;
        }
        return 0;
}
