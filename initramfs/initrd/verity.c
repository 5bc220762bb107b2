/* dm-verity: roothash= and the words of systemd-veritysetup-generator(8). The verified device is /dev/mapper/root. */

#include <stdio.h>
#include "initramfs/initrd/stack.h"
#include "lib/cmdline.h"
#include "lib/log.h"

#define VERITYSETUP "/sbin/veritysetup"

bool verity_wanted(const struct initrd_options *o)
{
        const char *hash = cmdline_get(o->words, "roothash");

        return hash && *hash && cmdline_bool(o->words, "rd.systemd.verity", true) &&
               cmdline_bool(o->words, "systemd.verity", true);
}

/* Without a word for it, a partition whose UUID is the first, or the last, half of the hash. */
static int spec_of(const struct initrd_options *o, const char *key, const char *half, struct root_spec *ret)
{
        const char *v = cmdline_get(o->words, key);
        char text[64];

        if (v && *v)
                return root_parse(v, ret);
        if (strlen(half) < 32)
                return -EINVAL;
        snprintf(text, sizeof text, "PARTUUID=%.8s-%.4s-%.4s-%.4s-%.12s", half, half + 8, half + 12,
                half + 16, half + 20);
        return root_parse(text, ret);
}

static void on_end(struct tool *t, int code)
{
        struct stack *s = t->data;

        if (code) {
                log_error("verity: the root was not opened: it does not fit roothash= (exit code %d)", code);
                s->failed = "verity";
        }
        s->changed(s);
}

int verity_step(struct stack *s)
{
        struct root_spec data = { 0 }, hash = { 0 };
        const char *root = cmdline_get(s->o->words, "roothash");
        int r = 0;

        if (s->verity_done || !verity_wanted(s->o))
                return 0;
        if (spec_of(s->o, "systemd.verity_root_data", root, &data) < 0 ||
                spec_of(s->o, "systemd.verity_root_hash", strlen(root) >= 32 ? root + strlen(root) - 32 : "",
                        &hash) < 0) {
                log_error(
                        "verity: roothash=%s names no devices, and neither do systemd.verity_root_data= and "
                        "systemd.verity_root_hash=",
                        root);
                s->verity_done = true;
        } else {
                const struct block *d = blocks_find(s->blocks, &data), *h = blocks_find(s->blocks, &hash);

                if (d && h && stack_driver(s, "dm_mod")) {
                        const char *argv[] = { VERITYSETUP, "open", d->node, "root", h->node, root, NULL };

                        s->verity_done = true;
                        r = stack_run(s, argv, NULL, 0, on_end);
                }
        }
        root_done(&data);
        root_done(&hash);
        return r;
}
