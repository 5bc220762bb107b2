/* Configuration: see config.h. One table of keys, which the command line's long options use too. */

#include "initramfs/config.h"
#include "lib/fileio.h"
#include "lib/inifile.h"
#include "lib/log.h"

static int set_mode(struct config *c, const char *v)
{
        static const char *const names[] = { "host", "generic", "bare" };

        for (size_t i = 0; i < ARRAY_SIZE(names); i++)
                if (streq(names[i], v)) {
                        c->mode = i;
                        return 0;
                }
        return -EINVAL;
}

static int set_compress(struct config *c, const char *v)
{
        return compress_parse(v, &c->compression, &c->level);
}

static int set_threads(struct config *c, const char *v)
{
        uint32_t n;
        int r = parse_u32(v, &n);

        if (r < 0 || n > COMPRESS_THREADS_MAX)
                return -EINVAL;
        c->threads = n;
        return 0;
}

static int add_words(char ***list, const char *v)
{
        _cleanup_strv_ char **words = NULL;
        int r = str_split_quoted(v, WORD_CUNESCAPE, &words);

        return r < 0 ? r : strv_extend(list, words);
}

static int set_modules(struct config *c, const char *v)
{
        return add_words(&c->modules, v);
}

static int set_files(struct config *c, const char *v)
{
        return add_words(&c->files, v);
}

static int set_features(struct config *c, const char *v)
{
        return add_words(&c->features, v);
}

static int set_fstypes(struct config *c, const char *v)
{
        return add_words(&c->fstypes, v);
}

static int set_fsck(struct config *c, const char *v)
{
        int r = parse_boolean(v);

        if (streq(v, "image"))
                c->fsck = FSCK_IMAGE;
        else if (streq(v, "auto") || r > 0)
                c->fsck = FSCK_AUTO;
        else if (r == 0)
                c->fsck = FSCK_NONE;
        else
                return -EINVAL;
        return 0;
}

static int set_microcode(struct config *c, const char *v)
{
        int r = parse_boolean(v);

        if (r >= 0)
                c->microcode = r;
        return MIN(r, 0);
}

static int set_full(struct config *c, const char *v)
{
        int r = parse_boolean(v);

        if (r >= 0)
                c->full = r;
        return MIN(r, 0);
}

static int set_units(struct config *c, const char *v)
{
        return add_words(&c->units, v);
}

static int set_hardware(struct config *c, const char *v)
{
        return str_replace(&c->hardware, v);
}

static const struct {
        const char *key;
        int (*set)(struct config *c, const char *value);
} keys[] = {
        { "Mode", set_mode },
        { "Compress", set_compress },
        { "Threads", set_threads },
        { "Modules", set_modules },
        { "Files", set_files },
        { "Features", set_features },
        { "RootFileSystems", set_fstypes },
        { "Fsck", set_fsck },
        { "Hardware", set_hardware },
        { "Microcode", set_microcode },
        { "Full", set_full },
        { "Units", set_units },
};

int config_set(struct config *c, const char *key, const char *value)
{
        for (size_t i = 0; i < ARRAY_SIZE(keys); i++)
                if (streq(keys[i].key, key))
                        return keys[i].set(c, value);
        return -ENOENT;
}

static int on_line(const struct ini_line *l, void *data)
{
        int r = config_set(data, l->key, l->value);

        if (r == -ENOENT)
                log_file(l->path, l->line, LOG_WARNING, "Unknown setting %s=; ignored", l->key);
        else if (r == -EINVAL)
                log_file(l->path, l->line, LOG_WARNING, "%s=%s is not valid; ignored", l->key, l->value);
        else
                return r;
        return 0;
}

int config_read(struct config *c)
{
        static char *const dirs[] = { (char *)"/etc/rouse/initramfs.conf.d",
                (char *)"/run/rouse/initramfs.conf.d", (char *)"/usr/lib/rouse/initramfs.conf.d", NULL };
        _cleanup_free_ char *main_file = str_printf("%s/etc/rouse/initramfs.conf", c->sysroot ?: "");
        _cleanup_strv_ char **files = NULL;

        if (!main_file)
                return -ENOMEM;
        int r = ini_parse_file(main_file, on_line, c, NULL);
        if (r < 0 && r != -ENOENT)
                return log_error_errno(r, "Cannot read %s: %m", main_file);
        r = conf_files_list(c->sysroot, dirs, ".conf", &files);
        FOREACH_STR (f, files)
                if (r >= 0 && (r = ini_parse_file(*f, on_line, c, NULL)) < 0)
                        log_error_errno(r, "Cannot read %s: %m", *f);
        return r;
}

void config_done(struct config *c)
{
        free(c->sysroot);
        free(c->release);
        free(c->output);
        free(c->hardware);
        free(c->init);
        free(c->uki_stub);
        free(c->uki_kernel);
        free(c->uki_cmdline);
        strv_free(c->units);
        strv_free(c->modules);
        strv_free(c->files);
        strv_free(c->features);
        strv_free(c->fstypes);
}
