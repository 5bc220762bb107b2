/* rouse-initramfs: makes the initramfs of a kernel, and its module digest. The command line is here; what comes
 * into an image is in generate.c. */

#include <getopt.h>
#include <stdio.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include "initramfs/config.h"
#include "initramfs/digest.h"
#include "initramfs/features.h"
#include "initramfs/generate.h"
#include "initramfs/hardware.h"
#include "initramfs/inspect.h"
#include "initramfs/uki.h"
#include "lib/fileio.h"
#include "lib/log.h"

enum action { ACT_MAKE, ACT_LIST, ACT_DRY_RUN, ACT_INSPECT, ACT_RECORD, ACT_DIGEST };

struct arguments {
        struct config c;
        enum action action;
        char *inspect;
        int verbose;
};

static const char help[] =
        "Usage: rouse-initramfs [OPTION]… -o FILE\n"
        "Makes the initramfs of a kernel.\n\n"
        "  -k, --kernel VERSION     the kernel (default: the running one)\n"
        "  -o, --output FILE        where to write (default: SYSROOT/boot/initrd.img-VERSION)\n"
        "      --sysroot DIR        the root that the image is for (default: /)\n"
        "      --host               what this machine needs, and a lean set of drivers (default)\n"
        "      --generic            all storage, USB and HID drivers\n"
        "      --bare               only what --hardware and --add-module say\n"
        "      --hardware FILE      a machine recorded by --record, instead of this one\n"
        "      --add-module NAME    this module too, loaded at once\n"
        "      --add-file PATH[:DST]  this file too, with the libraries that it needs\n"
        "      --feature NAME           what the image can do besides (see below)\n"
        "      --full               PID 1, device daemon and units inside: initrd.target instead of "
        "rouse-initrd\n"
        "      --unit NAME          this unit too, in an image with units\n"
        "      --root-type TYPE     file system of the root, besides what fstab says\n"
        "      --fsck-in-image      fsck in the image, also where the root's own would do\n"
        "      --no-fsck            the root is not checked in the initramfs\n"
        "      --no-microcode       no processor microcode in front of the image\n"
        "      --uki                a unified kernel image: an EFI program with kernel and initramfs in it\n"
        "      --stub FILE          its stub (default: " UKI_STUB ")\n"
        "      --vmlinuz FILE       its kernel (default: /boot/vmlinuz-VERSION)\n"
        "      --cmdline TEXT       its command line (default: /etc/kernel/cmdline, else this machine's)\n"
        "      --init FILE          rouse-initrd to use\n"
        "      --compress FORMAT[:LEVEL]  zstd (default), lz4, xz, gzip or none\n"
        "      --threads N          of the compressor (default: as many as processors)\n"
        "      --list               print what would be in the image, and why; write nothing\n"
        "      --dry-run            do everything but write\n"
        "      --inspect IMAGE      print what is in an image\n"
        "      --record             print a recording of this machine's hardware\n"
        "      --digest             write the kernel's module digest, /lib/modules/VERSION/modules.rouse\n"
        "  -v, --verbose            say what is done\n"
        "      --help, --version\n";

enum {
        O_SYSROOT = 256,
        O_HOST,
        O_GENERIC,
        O_BARE,
        O_HARDWARE,
        O_MODULE,
        O_FILE,
        O_FEATURE,
        O_FULL,
        O_UNIT,
        O_ROOT_TYPE,
        O_FSCK_IN_IMAGE,
        O_NO_FSCK,
        O_NO_MICROCODE,
        O_INIT,
        O_UKI,
        O_STUB,
        O_VMLINUZ,
        O_CMDLINE,
        O_COMPRESS,
        O_THREADS,
        O_LIST,
        O_DRY_RUN,
        O_INSPECT,
        O_RECORD,
        O_DIGEST,
        O_HELP,
        O_VERSION
};

static const struct option options[] = {
        { "kernel", required_argument, NULL, 'k' },
        { "output", required_argument, NULL, 'o' },
        { "sysroot", required_argument, NULL, O_SYSROOT },
        { "host", no_argument, NULL, O_HOST },
        { "generic", no_argument, NULL, O_GENERIC },
        { "bare", no_argument, NULL, O_BARE },
        { "hardware", required_argument, NULL, O_HARDWARE },
        { "add-module", required_argument, NULL, O_MODULE },
        { "add-file", required_argument, NULL, O_FILE },
        { "feature", required_argument, NULL, O_FEATURE },
        { "full", no_argument, NULL, O_FULL },
        { "unit", required_argument, NULL, O_UNIT },
        { "root-type", required_argument, NULL, O_ROOT_TYPE },
        { "fsck-in-image", no_argument, NULL, O_FSCK_IN_IMAGE },
        { "no-fsck", no_argument, NULL, O_NO_FSCK },
        { "no-microcode", no_argument, NULL, O_NO_MICROCODE },
        { "uki", no_argument, NULL, O_UKI },
        { "stub", required_argument, NULL, O_STUB },
        { "vmlinuz", required_argument, NULL, O_VMLINUZ },
        { "cmdline", required_argument, NULL, O_CMDLINE },
        { "init", required_argument, NULL, O_INIT },
        { "compress", required_argument, NULL, O_COMPRESS },
        { "threads", required_argument, NULL, O_THREADS },
        { "list", no_argument, NULL, O_LIST },
        { "dry-run", no_argument, NULL, O_DRY_RUN },
        { "inspect", required_argument, NULL, O_INSPECT },
        { "record", no_argument, NULL, O_RECORD },
        { "digest", no_argument, NULL, O_DIGEST },
        { "verbose", no_argument, NULL, 'v' },
        { "help", no_argument, NULL, O_HELP },
        { "version", no_argument, NULL, O_VERSION },
        { 0 },
};

static _noreturn_ void usage(const char *what)
{
        if (what)
                fprintf(stderr, "rouse-initramfs: %s\n", what);
        fputs("Try rouse-initramfs --help\n", stderr);
        exit(2);
}

static int set(struct arguments *a, const char *key, const char *value)
{
        int r = config_set(&a->c, key, value);

        if (r == -EINVAL) {
                fprintf(stderr, "rouse-initramfs: %s: not valid: %s\n", key, value);
                exit(2);
        }
        return r;
}

static int apply(struct arguments *a, int opt, const char *value)
{
        switch (opt) {
        case 'k': return str_replace(&a->c.release, value);
        case 'o': return str_replace(&a->c.output, value);
        case 'v': log_set_max_level(LOG_DEBUG); return 0;
        case O_SYSROOT: return 0; /* taken in the first pass */
        case O_HOST: return set(a, "Mode", "host");
        case O_GENERIC: return set(a, "Mode", "generic");
        case O_BARE: return set(a, "Mode", "bare");
        case O_HARDWARE: return set(a, "Hardware", value);
        case O_MODULE: return strv_add(&a->c.modules, value);
        case O_FILE: return strv_add(&a->c.files, value);
        case O_FEATURE: return strv_add(&a->c.features, value);
        case O_FULL: return set(a, "Full", "yes");
        case O_UNIT: return strv_add(&a->c.units, value);
        case O_ROOT_TYPE: return strv_add(&a->c.fstypes, value);
        case O_FSCK_IN_IMAGE: a->c.fsck = FSCK_IMAGE; return 0;
        case O_NO_FSCK: a->c.fsck = FSCK_NONE; return 0;
        case O_NO_MICROCODE: a->c.microcode = false; return 0;
        case O_UKI: a->c.uki = true; return 0;
        case O_STUB: return str_replace(&a->c.uki_stub, value);
        case O_VMLINUZ: return str_replace(&a->c.uki_kernel, value);
        case O_CMDLINE: return str_replace(&a->c.uki_cmdline, value);
        case O_INIT: return str_replace(&a->c.init, value);
        case O_COMPRESS: return set(a, "Compress", value);
        case O_THREADS: return set(a, "Threads", value);
        case O_LIST: a->action = ACT_LIST; return 0;
        case O_DRY_RUN: a->action = ACT_DRY_RUN; return 0;
        case O_INSPECT: a->action = ACT_INSPECT; return str_replace(&a->inspect, value);
        case O_RECORD: a->action = ACT_RECORD; return 0;
        case O_DIGEST: a->action = ACT_DIGEST; return 0;
        case O_HELP:
                fputs(help, stdout);
                fputs("\nFeatures (-NAME leaves one out):\n", stdout);
                features_print();
                exit(0);
        case O_VERSION: puts("rouse-initramfs " ROUSE_VERSION); exit(0);
        default: usage(NULL);
        }
}

/* Twice over the command line: the sysroot decides where the configuration is, the rest goes over it. */
static int parse(int argc, char **argv, struct arguments *a)
{
        int opt, r = 0;

        while ((opt = getopt_long(argc, argv, "k:o:v", options, NULL)) != -1)
                if (opt == '?')
                        usage(NULL);
                else if (opt == O_SYSROOT && !streq(optarg, "/") &&
                         (r = str_replace(&a->c.sysroot, optarg)) < 0)
                        return r;
        if (optind < argc)
                usage("no arguments without an option");
        r = config_read(&a->c);
        optind = 1;
        while (r >= 0 && (opt = getopt_long(argc, argv, "k:o:v", options, NULL)) != -1)
                r = apply(a, opt, optarg);
        if (r >= 0 && !a->c.release) {
                struct utsname u;

                uname(&u);
                r = str_replace(&a->c.release, u.release);
        }
        return r;
}

static int check_space(const char *path, size_t need)
{
        _cleanup_free_ char *dir = strdup(path);
        char *slash = dir ? strrchr(dir, '/') : NULL;
        struct statvfs v;

        if (slash)
                slash[slash == dir] = 0;
        if (statvfs(slash ? dir : ".", &v) < 0)
                return log_error_errno(-errno, "Cannot write to %s: %m", slash ? dir : ".");
        if ((uint64_t)v.f_bavail * v.f_frsize < need)
                return log_error_errno(-ENOSPC,
                        "%s has %llu KiB free and the image needs %zu; the old one stays", slash ? dir : ".",
                        (unsigned long long)v.f_bavail * v.f_frsize / 1024, need / 1024 + 1);
        return 0;
}

static void list(const struct image *im)
{
        for (size_t i = 0; i < im->n; i++)
                printf("%9zu %s  (%s)\n", im->entry[i]->data.len, im->entry[i]->path, im->entry[i]->why);
}

static int make(struct arguments *a)
{
        _cleanup_strbuf_ struct strbuf plain = { 0 };
        _cleanup_(image_done) struct image im = { .root_fd = -1 };
        int r = image_open(&im, a->c.sysroot);

        if (r < 0)
                return r;
        r = generate(&a->c, &im);
        if (r < 0)
                return log_error_errno(r, "No image was made for kernel %s: %m", a->c.release);
        if ((r = image_write(&im, &plain)) < 0)
                return log_error_errno(r, "Cannot put the image together: %m");
        if (a->action == ACT_LIST)
                list(&im);
        struct strbuf *packed = &im.early;
        r = compress_data(a->c.compression, a->c.level, a->c.threads, plain.s, plain.len, packed);
        if (r < 0)
                return log_error_errno(
                        r, "Cannot compress the image as %s: %m", compress_name(a->c.compression));
        _cleanup_strbuf_ struct strbuf unified = { 0 };
        if (a->c.uki) {
                if ((r = uki_make(&a->c, &im, packed, &unified)) < 0)
                        return r;
                packed = &unified;
        }
        if (a->action != ACT_MAKE) {
                printf("%zu entries, %zu bytes, %zu as %s\n", im.n, plain.len, packed->len,
                        compress_name(a->c.compression));
                return 0;
        }
        remove_left_temporaries(a->c.output);
        r = check_space(a->c.output, packed->len);
        if (r < 0)
                return r;
        r = write_file_atomic(a->c.output, packed->s, packed->len, im.secret ? 0600 : 0644, true);
        if (r < 0)
                return log_error_errno(r, "Cannot write %s, what was there stays: %m", a->c.output);
        log_debug("%s: %zu entries, %zu bytes, %zu as %s", a->c.output, im.n, plain.len, packed->len,
                compress_name(a->c.compression));
        return 0;
}

static int record(void)
{
        _cleanup_(hardware_done) struct hardware h = { 0 };
        _cleanup_strbuf_ struct strbuf b = { 0 };
        int r = hardware_scan(&h);

        if (r >= 0)
                r = hardware_write(&h, &b);
        if (r >= 0)
                fputs(b.s, stdout);
        return r;
}

static int run(struct arguments *a)
{
        switch (a->action) {
        case ACT_INSPECT: return inspect_print(a->inspect);
        case ACT_RECORD: return record();
        case ACT_DIGEST: return digest_write_release(a->c.sysroot, a->c.release);
        case ACT_MAKE:
                if (!a->c.output && a->c.uki) {
                        log_error("--uki needs -o FILE");
                        return -EINVAL;
                }
                if (!a->c.output)
                        a->c.output = str_printf("%s/boot/initrd.img-%s", a->c.sysroot ?: "", a->c.release);
                if (!a->c.output)
                        return log_oom();
                break;
        case ACT_LIST:
        case ACT_DRY_RUN: break;
        }
        return make(a);
}

int main(int argc, char **argv)
{
        struct arguments a = { .c = { .compression = COMPRESS_ZSTD, .microcode = true } };

        log_open("rouse-initramfs", LOG_TO_STDERR);
        int r = parse(argc, argv, &a);
        if (r >= 0)
                r = run(&a);
        free(a.inspect);
        config_done(&a.c);
        if (r >= 0 && fflush(stdout) != 0)
                r = log_error_errno(-errno, "Cannot write to the standard output: %m");
        return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
