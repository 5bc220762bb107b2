/* The kernel command line, and root= in all its spellings: see options.h. */

#include <stdio.h>
#include <strings.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include "initramfs/initrd/links.h"
#include "initramfs/initrd/options.h"
#include "lib/cmdline.h"
#include "lib/log.h"

#define DEFAULT_LIMIT    (90 * USEC_PER_SEC)
#define DEFAULT_DEGRADED (10 * USEC_PER_SEC)

/* --- root= --- */

static const struct {
        const char *prefix; /* in root=, and as messages show it */
        const char *dir;    /* of links */
        enum root_kind kind;
} kinds[] = {
        { "UUID=", "/dev/disk/by-uuid/", ROOT_UUID },
        { "LABEL=", "/dev/disk/by-label/", ROOT_LABEL },
        { "PARTUUID=", "/dev/disk/by-partuuid/", ROOT_PARTUUID },
        { "PARTLABEL=", "/dev/disk/by-partlabel/", ROOT_PARTLABEL },
};

/* A link's name in /dev/disk/by-*, with \x20 decoded. */
static char *unescape_link(const char *s)
{
        char *out = malloc(strlen(s) + 1), *o = out;
        unsigned c;

        while (out && *s) {
                if (s[0] == '\\' && s[1] == 'x' && sscanf(s + 2, "%2x", &c) == 1) {
                        *o++ = (char)c;
                        s += 4;
                } else
                        *o++ = *s++;
        }
        if (out)
                *o = 0;
        return out;
}

static char *unquote(const char *s)
{
        size_t l = strlen(s);

        if (l >= 2 && (s[0] == '"' || s[0] == '\'') && s[l - 1] == s[0])
                return strndup(s + 1, l - 2);
        return strdup(s);
}

static int parse_number(const char *s, struct root_spec *r)
{
        unsigned v, n = 0;

        if (sscanf(s, "%u:%u%n", &r->major, &r->minor, &n) == 2 && !s[n])
                return 0;
        n = 0;
        if (strlen(s) >= 3 && sscanf(s, "%x%n", &v, &n) == 1 && !s[n]) {
                /* The kernel's old form: new_decode_dev(). */
                r->major = (v & 0xfff00) >> 8;
                r->minor = (v & 0xff) | ((v >> 12) & 0xfff00);
                return 0;
        }
        return -EINVAL;
}

/* nfs:SERVER:/PATH, nfs4:…, tmpfs:SOURCE, gpt-auto; -ENOENT for anything else. */
static int parse_without_device(const char *s, struct root_spec *r)
{
        static const struct {
                const char *prefix;
                enum root_kind kind;
        } forms[] = { { "nfs:", ROOT_NFS }, { "nfs4:", ROOT_NFS }, { "tmpfs:", ROOT_TMPFS } };

        if (streq(s, "gpt-auto")) {
                r->kind = ROOT_AUTO;
                r->text = strdup("gpt-auto (the partition of type root)");
                r->value = strdup("");
                return 0;
        }
        for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
                const char *rest = startswith(s, forms[i].prefix);

                if (!rest)
                        continue;
                r->kind = forms[i].kind;
                r->text = strdup(s);
                r->value = strdup(rest);
                return 0;
        }
        return -ENOENT;
}

int root_parse(const char *s, struct root_spec *ret)
{
        struct root_spec r = { 0 };

        (void)parse_without_device(s, &r);
        for (size_t i = 0; i < ARRAY_SIZE(kinds) && !r.kind; i++) {
                const char *rest = startswith(s, kinds[i].prefix), *link = startswith(s, kinds[i].dir);

                if (!rest && !link)
                        continue;
                r.kind = kinds[i].kind;
                r.value = rest ? unquote(rest) : unescape_link(link);
                r.text = str_printf("%s%s", kinds[i].prefix, r.value ?: "");
        }
        if (!r.kind) {
                const char *below = startswith(s, "/dev/disk/");

                r.text = strdup(s);
                r.value = strdup(s);
                if (parse_number(s, &r) >= 0)
                        r.kind = ROOT_NUMBER;
                else if (below && *below) {
                        r.kind = ROOT_LINK;
                        free(r.value);
                        r.value = strdup(below);
                } else if (startswith(s, "/dev/") && !below)
                        r.kind = ROOT_NODE;
                else
                        r.kind = ROOT_UNKNOWN;
        }
        if (!r.text || !r.value) {
                root_done(&r);
                return -ENOMEM;
        }
        *ret = r;
        return 0;
}

void root_done(struct root_spec *r)
{
        free(r->text);
        free(r->value);
        *r = (struct root_spec) { 0 };
}

static bool same(const char *want, const char *has, bool fold)
{
        return has && *want && (fold ? strcasecmp(want, has) : strcmp(want, has)) == 0;
}

/* Names that a program has made: /dev/mapper/X, /dev/VG/LV, /dev/md/X. */
static bool is_node(const char *path, unsigned maj, unsigned min)
{
        struct stat st;

        return stat(path, &st) == 0 && S_ISBLK(st.st_mode) && major(st.st_rdev) == maj &&
               minor(st.st_rdev) == min;
}

bool root_matches(const struct root_spec *r, const struct root_candidate *c)
{
        switch (r->kind) {
        case ROOT_UUID: return same(r->value, c->uuid, true);
        case ROOT_LABEL: return same(r->value, c->label, false);
        case ROOT_PARTUUID: return same(r->value, c->partuuid, true);
        case ROOT_PARTLABEL: return same(r->value, c->partlabel, false);
        case ROOT_NODE: return same(r->value, c->node, false) || is_node(r->value, c->major, c->minor);
        case ROOT_LINK: return c->devpath && link_matches(r->value, c);
        case ROOT_NUMBER: return r->major == c->major && r->minor == c->minor;
        case ROOT_NONE:
        case ROOT_AUTO:
        case ROOT_NFS:
        case ROOT_TMPFS:
        case ROOT_UNKNOWN: break;
        }
        return false;
}

/* --- rootflags= --- */

static const struct {
        const char *name;
        unsigned long set, clear;
} mount_words[] = {
        { "defaults", 0, 0 },
        { "ro", MS_RDONLY, 0 },
        { "rw", 0, MS_RDONLY },
        { "nosuid", MS_NOSUID, 0 },
        { "nodev", MS_NODEV, 0 },
        { "noexec", MS_NOEXEC, 0 },
        { "sync", MS_SYNCHRONOUS, 0 },
        { "dirsync", MS_DIRSYNC, 0 },
        { "noatime", MS_NOATIME, 0 },
        { "nodiratime", MS_NODIRATIME, 0 },
        { "relatime", MS_RELATIME, 0 },
        { "strictatime", MS_STRICTATIME, 0 },
        { "lazytime", MS_LAZYTIME, 0 },
        { "auto", 0, 0 },
        { "nofail", 0, 0 },
};

static bool mount_word(const char *w, unsigned long *flags)
{
        if (startswith(w, "x-"))
                return true; /* for user space */
        for (size_t i = 0; i < ARRAY_SIZE(mount_words); i++)
                if (streq(mount_words[i].name, w)) {
                        *flags = (*flags | mount_words[i].set) & ~mount_words[i].clear;
                        return true;
                }
        return false;
}

int root_flags_parse(const char *s, unsigned long *flags, char **ret_data)
{
        _cleanup_strv_ char **words = strv_split(s, ","), **rest = NULL;
        int r;

        FOREACH_STR (w, words)
                if (!mount_word(*w, flags) && (r = strv_add(&rest, *w)) < 0)
                        return r;
        char *data = strv_join(rest, ",");
        if (!data)
                return -ENOMEM;
        free(*ret_data);
        *ret_data = data;
        return 0;
}

/* --- the line --- */

static int set_string(char **p, const char *v)
{
        return v && *v ? str_replace(p, v) : 0;
}

static int parse_limit(const char *key, const char *v, usec_t *ret)
{
        usec_t t;

        if (!v)
                return 0;
        if (parse_timespan(v, USEC_PER_SEC, &t) < 0)
                log_warning("%s=%s is not a time; keeping %lld s", key, v, (long long)(*ret / USEC_PER_SEC));
        else
                *ret = t > 0 ? t : USEC_INFINITY;
        return 0;
}

static void parse_fsck(char *const *words, struct initrd_options *o)
{
        const char *mode = cmdline_get(words, "fsck.mode"), *repair = cmdline_get(words, "fsck.repair");

        if (cmdline_get(words, "fastboot"))
                o->fsck = FSCK_SKIP;
        if (cmdline_get(words, "forcefsck"))
                o->fsck = FSCK_FORCE;
        if (mode)
                o->fsck = streq(mode, "force") ? FSCK_FORCE : streq(mode, "skip") ? FSCK_SKIP : FSCK_AUTO;
        if (repair)
                o->repair = streq(repair, "yes") ? FSCK_YES : streq(repair, "no") ? FSCK_NO : FSCK_PREEN;
}

static int parse_blacklist(char *const *words, struct initrd_options *o)
{
        FOREACH_STR (w, words) {
                const char *list =
                        startswith(*w, "modprobe.blacklist=") ?: startswith(*w, "rd.driver.blacklist=");
                _cleanup_strv_ char **names = list ? strv_split(list, ",") : NULL;
                int r = names ? strv_extend(&o->blacklist, names) : 0;

                if (r < 0)
                        return r;
        }
        return 0;
}

/* ro and rw: the last one counts. */
static void parse_ro(char *const *words, unsigned long *flags)
{
        *flags |= MS_RDONLY;
        FOREACH_STR (w, words) {
                if (streq(*w, "ro"))
                        *flags |= MS_RDONLY;
                else if (streq(*w, "rw"))
                        *flags &= ~(unsigned long)MS_RDONLY;
        }
}

/* rd.degraded=no|yes|SECONDS */
static void parse_degraded(const char *v, usec_t *ret)
{
        usec_t t;
        int yes = v && *v ? parse_boolean(v) : 1;

        if (!v || yes == 1)
                return;
        if (yes == 0)
                *ret = USEC_INFINITY;
        else if (parse_timespan(v, USEC_PER_SEC, &t) >= 0)
                *ret = t;
        else
                log_warning("rd.degraded=%s is neither yes, no nor a time; keeping %lld s", v,
                        (long long)(*ret / USEC_PER_SEC));
}

static const struct {
        const char *word;
        enum break_point at;
} breaks[] = {
        /* dracut's names and initramfs-tools' (break=) for the same places */
        { "cmdline", BREAK_BEGIN },
        { "pre-udev", BREAK_BEGIN },
        { "pre-trigger", BREAK_BEGIN },
        { "initqueue", BREAK_BEGIN },
        { "top", BREAK_BEGIN },
        { "modules", BREAK_BEGIN },
        { "premount", BREAK_PRE_MOUNT },
        { "pre-mount", BREAK_PRE_MOUNT },
        { "mount", BREAK_MOUNT },
        { "mountroot", BREAK_MOUNT },
        { "pre-pivot", BREAK_MOUNT },
        { "cleanup", BREAK_MOUNT },
        { "bottom", BREAK_MOUNT },
        { "init", BREAK_MOUNT },
        { "", BREAK_MOUNT },
};

static enum break_point parse_break(const char *v)
{
        for (size_t i = 0; v && i < ARRAY_SIZE(breaks); i++)
                if (streq(breaks[i].word, v))
                        return breaks[i].at;
        if (v)
                log_warning("rd.break=%s is no place to stop at; ignored", v);
        return BREAK_NONE;
}

static void parse_volatile(char *const *words, struct initrd_options *o)
{
        const char *v = cmdline_get(words, "systemd.volatile"), *overlay = cmdline_get(words, "overlayroot");

        if (overlay && (streq(overlay, "tmpfs") || startswith(overlay, "tmpfs:")))
                o->volatile_root = VOLATILE_OVERLAY;
        if (!v)
                return;
        int yes = *v ? parse_boolean(v) : 1;
        if (streq(v, "overlay"))
                o->volatile_root = VOLATILE_OVERLAY;
        else if (streq(v, "state"))
                o->volatile_root = VOLATILE_STATE;
        else if (yes >= 0)
                o->volatile_root = yes ? VOLATILE_YES : VOLATILE_NO;
        else
                log_warning("systemd.volatile=%s is not known; ignored", v);
}

/* resume=, resume_offset=, noresume, hibernate=noresume */
static int parse_resume(char *const *words, struct initrd_options *o)
{
        const char *v = cmdline_get(words, "resume"), *off = cmdline_get(words, "resume_offset"),
                   *h = cmdline_get(words, "hibernate");

        if (!v || !*v || cmdline_get(words, "noresume") || (h && (streq(h, "noresume") || streq(h, "no"))))
                return 0;
        if (off && parse_u64(off, &o->resume_offset) < 0)
                log_warning("resume_offset=%s is not a number; taking 0", off);
        return root_parse(v, &o->resume);
}

/* The kernel's own form: root=/dev/nfs nfsroot=[SERVER:]PATH[,OPTIONS] */
static int parse_nfsroot(char *const *words, struct initrd_options *o)
{
        const char *v = cmdline_get(words, "nfsroot");

        if (!streq(o->root.text ?: "", "/dev/nfs"))
                return 0;
        root_done(&o->root);
        _cleanup_free_ char *text = str_printf("nfs:%s", v ?: "");
        return text ? root_parse(text, &o->root) : -ENOMEM;
}

int options_parse(char *const *words, struct initrd_options *ret)
{
        struct initrd_options o = { .limit = DEFAULT_LIMIT, .degraded = DEFAULT_DEGRADED };
        const char *v;
        int r;

        o.words = strv_copy(words);
        o.debug = cmdline_bool(words, "rd.debug", false) || cmdline_bool(words, "debug", false);
        o.shell = cmdline_bool(words, "rd.shell", true);
        if ((v = cmdline_get(words, "panic")) && (parse_int(v, &o.panic) < 0 || o.panic < 0))
                o.panic = 0;
        parse_ro(words, &o.flags);
        parse_fsck(words, &o);
        parse_limit("rootdelay", cmdline_get(words, "rootdelay"), &o.limit);
        parse_limit("rd.timeout", cmdline_get(words, "rd.timeout"), &o.limit);
        if (cmdline_get(words, "rootwait"))
                o.limit = USEC_INFINITY;
        o.break_at = parse_break(cmdline_get(words, "rd.break") ?: cmdline_get(words, "break"));
        o.luks = cmdline_bool(words, "rd.luks", true) && cmdline_bool(words, "luks", true);
        parse_degraded(cmdline_get(words, "rd.degraded"), &o.degraded);
        parse_volatile(words, &o);
        v = cmdline_get(words, "root");
        if ((r = root_parse(v && *v ? v : "gpt-auto", &o.root)) < 0 || (r = parse_nfsroot(words, &o)) < 0 ||
                (r = parse_resume(words, &o)) < 0 ||
                (r = set_string(&o.fstype, cmdline_get(words, "rootfstype"))) < 0 ||
                (r = set_string(&o.init, cmdline_get(words, "init"))) < 0 ||
                (r = parse_blacklist(words, &o)) < 0 ||
                ((v = cmdline_get(words, "rootflags")) &&
                        (r = root_flags_parse(v, &o.flags, &o.data)) < 0)) {
                options_done(&o);
                return r;
        }
        *ret = o;
        return 0;
}

void options_done(struct initrd_options *o)
{
        strv_free(o->words);
        strv_free(o->blacklist);
        root_done(&o->root);
        root_done(&o->resume);
        free(o->fstype);
        free(o->data);
        free(o->init);
}
