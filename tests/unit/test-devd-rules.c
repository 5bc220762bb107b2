/* The rules language: what each line means for a device, the fifteen traps of the specification among them. */
#include <stdio.h>

#include "devd/db.h"
#include "devd/rules-int.h"
#include "lib/log.h"
#include "tests/tap.h"
#include "tests/unit/devd-fake.h"

#define DISK  "/devices/pci0000:00/0000:00:02.0/virtio1/block/vda"
#define PART  DISK "/vda1"
#define NET   "/devices/pci0000:00/0000:00:03.0/net/eth0"
#define TTY   "/devices/virtual/tty/3270!tty1"
#define OTHER "/devices/pci0000:00/0000:00:02.0"

static void make_tree(void)
{
        fake_device("/devices/pci0000:00/0000:00:02.0", "pci", "DRIVER=virtio-pci\nMODALIAS=pci:v1AF4\n");
        fake_link("/sys/devices/pci0000:00/0000:00:02.0/driver", "/anywhere/virtio-pci");
        fake_attr(OTHER, "vendor", "0x1af4\n");
        fake_attr(OTHER, "label", "Slot one  \n");
        fake_device("/devices/pci0000:00/0000:00:02.0/virtio1", "virtio", "DRIVER=virtio_blk\n");
        fake_link("/sys/devices/pci0000:00/0000:00:02.0/virtio1/driver", "/anywhere/virtio_blk");
        fake_attr("/devices/pci0000:00/0000:00:02.0/virtio1", "vendor", "0x0001\n");
        fake_device(DISK, "block", "MAJOR=254\nMINOR=0\nDEVNAME=vda\nDEVTYPE=disk\n");
        fake_attr(DISK, "serial", "a b(c)\n");
        fake_attr(DISK, "size", "100\n");
        fake_attr(DISK, "blank", "x  \n");
        fake_attr(DISK, "queue/rotational", "1\n");
        fake_device(PART, "block", "MAJOR=254\nMINOR=1\nDEVNAME=vda1\nDEVTYPE=partition\n");
        fake_device("/devices/pci0000:00/0000:00:03.0", "pci", "");
        fake_device(NET, "net", "INTERFACE=eth0\nIFINDEX=2\n");
        fake_device(TTY, "tty", "MAJOR=227\nMINOR=1\nDEVNAME=3270/tty1\n");
        fake_device("/devices/virtual/dmi/id", "dmi", "MODALIAS=dmi:x\n");
        fake_attr("/devices/virtual/dmi/id", "modalias", "dmi:bvnTest\n");
        fake_link("/sys/class/dmi/id", "../../devices/virtual/dmi/id");
        fake_link("/sys/class/block/vda", "../../devices/pci0000:00/0000:00:02.0/virtio1/block/vda");
        fake_file("/file.env",
                "# comment\nFROM_FILE=\"two words\"\n  PLAIN = x \nbad line\nDEVTYPE=nonsense\n");
        fake_file("/run/data/b254:0",
                "S:disk/by-id/old\nI:42\nE:ID_FROM_PARENT=yes\nE:ID_FS_TYPE=ext4\nG:kept\nQ:kept\nV:1\n");
}

/* --- ops -------------------------------------------------------------------------------------------- */

static unsigned builtin_calls, said;
static const char *deferred_answer; /* NULL: not there yet */

static int fake_program(struct device *d, struct rules_event *e, const char *command, char **ret_output)
{
        if (startswith(command, "defer")) {
                if (!deferred_answer)
                        return RULES_DEFER;
                if (ret_output)
                        *ret_output = strdup(deferred_answer);
                return 0;
        }
        said += startswith(command, "say ") != NULL;
        if (startswith(command, "fail"))
                return 1;
        if (startswith(command, "say ") && ret_output)
                *ret_output = strdup(command + 4);
        return 0;
}

static int fake_builtin(struct device *d, struct rules_event *e, const char *command)
{
        builtin_calls++;
        return startswith(command, "path_id") ? device_set_prop(d, "ID_PATH", "somewhere") : -ENODATA;
}

static const struct rules_ops ops = { .program = fake_program, .builtin = fake_builtin };

/* --- one case --------------------------------------------------------------------------------------- */

struct test {
        const char *name, *path, *action, *rules;
        const char *expect
                [12]; /* "KEY=value", "KEY" (absent), "link x", "nolink x", "tag x", "notag x", "all x",
                                   "run x", "norun", "mode 0660", "gid N", "name x", "noname", "watch", "persist" */
};

static bool has_run(const struct rules_event *e, const char *command)
{
        for (size_t i = 0; i < e->n_run; i++)
                if (streq(e->run[i].command, command))
                        return true;
        return false;
}

static bool holds(struct device *d, const struct rules_event *e, const char *x)
{
        const char *a, *eq = strchr(x, '=');
        mode_t mode;

        if ((a = startswith(x, "link ")))
                return strv_contains(d->links, a);
        if ((a = startswith(x, "nolink ")))
                return !strv_contains(d->links, a);
        if ((a = startswith(x, "tag ")))
                return strv_contains(d->tags_current, a);
        if ((a = startswith(x, "notag ")))
                return !strv_contains(d->tags_current, a);
        if ((a = startswith(x, "all ")))
                return strv_contains(d->tags_all, a);
        if ((a = startswith(x, "run ")))
                return has_run(e, a);
        if (streq(x, "norun"))
                return e->n_run == 0;
        if ((a = startswith(x, "runs ")))
                return e->n_run == (size_t)atoi(a);
        if ((a = startswith(x, "mode ")))
                return parse_mode(a, &mode) >= 0 && d->mode == mode;
        if (streq(x, "nomode"))
                return d->mode == (mode_t)-1;
        if ((a = startswith(x, "gid ")))
                return d->gid == (gid_t)atoi(a);
        if ((a = startswith(x, "name ")))
                return streq_null(d->name, a);
        if (streq(x, "noname"))
                return !d->name;
        if (streq(x, "watch"))
                return d->watch;
        if (streq(x, "persist"))
                return d->db_persist;
        if ((a = startswith(x, "priority ")))
                return d->link_priority == atoi(a);
        if (eq)
                return streq_null(device_prop(d, strndupa(x, (size_t)(eq - x))), eq + 1);
        return !device_prop(d, x);
}

static struct rules *compile(const char *text)
{
        struct rules *r = rules_new();
        char *copy = strdup(text);

        if (rules_load_text(r, "test.rules", copy) < 0)
                abort();
        free(copy);
        return r;
}

static void run_test(const struct test *t)
{
        _cleanup_device_ struct device *d = NULL, *old = NULL;
        struct rules *r = compile(t->rules);
        struct rules_event e = { 0 };
        char what[256];

        if (device_from_syspath(t->path, t->action ? t->action : "add", &d) < 0)
                abort();
        (void)db_read_old(d, &old);
        e.old = old;
        if (old)
                strv_extend(&d->tags_all, old->tags_all);
        if (streq(d->action, "remove"))
                (void)db_read(d);
        is_int(rules_apply(r, d, &e, &ops), 0, t->name);
        for (size_t i = 0; i < ARRAY_SIZE(t->expect) && t->expect[i]; i++) {
                snprintf(what, sizeof(what), "%s: %s", t->name, t->expect[i]);
                ok(holds(d, &e, t->expect[i]), what);
        }
        rules_event_done(&e);
        rules_free(r);
}

/* --- the traps -------------------------------------------------------------------------------------- */

static const struct test traps[] = {
        { "trap 1: tokens are sorted by type, not by place", DISK, NULL,
                "ENV{A}==\"\", SYMLINK+=\"l-$env{A}\", ENV{A}=\"late\"\n"
                "RUN+=\"first\", RUN{builtin}+=\"kmod load x\"\n"
                "MODE=\"0600\", GROUP=\"6\", PROGRAM==\"say hello\", RESULT==\"hello\", ENV{OK}=\"1\"\n",
                { "link l-late", "A=late", "OK=1", "mode 0600", "gid 6", "run kmod load x" } },
        { "trap 2: all parent keys hold for the same ancestor", DISK, NULL,
                "SUBSYSTEMS==\"pci\", ATTRS{vendor}==\"0x0001\", ENV{MIXED}=\"1\"\n"
                "SUBSYSTEMS==\"pci\", ATTRS{vendor}==\"0x1af4\", ENV{SAME}=\"$id $driver %d\"\n"
                "ENV{KEPT}=\"%b\"\n"
                "ATTRS{size}==\"100\", ENV{SELF}=\"%b\"\n"
                "SUBSYSTEMS==\"nothing\", ENV{X}=\"1\"\n"
                "ENV{CLEARED}=\"<%b>\"\n",
                { "MIXED", "SAME=0000:00:02.0 virtio-pci virtio-pci", "KEPT=0000:00:02.0", "SELF=vda", "X",
                        "CLEARED=<>" } },
        { "trap 3: absent attributes, absent properties, trailing blanks, links", DISK, NULL,
                "ATTR{absent}==\"x\", ENV{A}=\"1\"\n"
                "ATTR{absent}!=\"x\", ENV{B}=\"1\"\n"
                "ATTR{absent}==\"\", ENV{B2}=\"1\"\n"
                "ENV{absent}!=\"x\", ENV{C}=\"1\"\n"
                "ENV{absent}==\"\", ENV{D}=\"1\"\n"
                "ATTR{blank}==\"x\", ENV{E}=\"1\"\n"
                "ATTR{blank}==\"x  \", ENV{F}=\"1\"\n"
                "ATTR{blank}==\"x \", ENV{G}=\"1\"\n"
                "ATTRS{subsystem}==\"virtio\", ATTRS{driver}==\"virtio_blk\", ENV{H}=\"$id\"\n"
                "ATTR{subsystem}==\"block\", ENV{I}=\"1\"\n",
                { "A", "B", "B2", "C=1", "D=1", "E=1", "F=1", "G", "H=virtio1", "I=1" } },
        { "trap 4: alternatives and globs", DISK, NULL,
                "KERNEL==\"sd*|vd[a-c]\", ENV{A}=\"1\"\n"
                "ENV{nope}==\"|x\", ENV{B}=\"1\"\n"
                "ENV{nope}==\"?*\", ENV{C}=\"1\"\n"
                "KERNEL!=\"sd*|vd?\", ENV{D}=\"1\"\n"
                "KERNEL==\"vd[!0-9]\", ENV{E}=\"1\"\n"
                "DEVPATH==\"*/virtio1/*\", ENV{F}=\"1\"\n"
                "TEST==\"size|nothing\", ENV{G}=\"1\"\n",
                { "A=1", "B=1", "C", "D", "E=1", "F=1", "G" } },
        { "trap 5: PROGRAM and IMPORT by = are matches", DISK, NULL,
                "PROGRAM=\"fail\", ENV{A}=\"1\"\n"
                "PROGRAM=\"say x(y)\", ENV{B}=\"$result\"\n"
                "PROGRAM!=\"fail\", ENV{C}=\"1\"\n"
                "IMPORT{program}=\"path_id\", ENV{D}=\"1\"\n"
                "PROGRAM==\"say one two  three\", ENV{E}=\"%c{2}\", ENV{F}=\"%c{2+}\", ENV{G}=\"[%c{9}]\"\n",
                { "A", "B=x_y_", "C=1", "D=1", "ID_PATH=somewhere", "E=two", "F=two  three", "G=[]" } },
        { "trap 6: lines without any effect on such a device", NET, NULL,
                "ATTR{x}==\"\", SYMLINK+=\"x\"\nENV{A}=\"1\", SYMLINK+=\"y\"\n",
                { "nolink x", "nolink y", "A=1" } },
        { "trap 6: NAME alone on a disk", DISK, NULL, "NAME=\"x\"\nENV{A}=\"1\", NAME=\"y\"\n",
                { "noname", "A=1" } },
        { "trap 6: on remove only what has another effect", DISK, "remove",
                "SYMLINK+=\"x\", MODE=\"0600\"\nRUN+=\"gone\"\nENV{ID_FROM_PARENT}==\"yes\", "
                "ENV{DB}=\"1\"\n",
                { "nolink x", "nomode", "run gone", "DB=1", "link disk/by-id/old" } },
        { "trap 7: GOTO forward only, unknown labels dropped", DISK, NULL,
                "LABEL=\"back\"\n"
                "GOTO=\"back\", ENV{A}=\"1\"\n"
                "KERNEL==\"vda\", GOTO=\"end\"\n"
                "ENV{B}=\"1\"\n"
                "LABEL=\"other\", ENV{C}=\"1\"\n"
                "LABEL=\"end\", ENV{D}=\"1\"\n",
                { "A=1", "B", "C", "D=1" } },
        { "trap 8: white space and odd characters in SYMLINK", DISK, NULL,
                "SYMLINK+=\"one two-$attr{serial}\"\n"
                "ENV{S}=\"a  b c\", SYMLINK+=\"by/$env{S}\"\n"
                "OPTIONS=\"string_escape=none\", SYMLINK+=\"raw/$env{S}\"\n"
                "OPTIONS=\"string_escape=replace\", SYMLINK+=\"re p/$env{S}\", ENV{T}=\"x/y z\"\n"
                "ENV{U}=\"x/y z\"\n"
                "SYMLINK+=\"ä\\x20(\"\n"
                "SYMLINK+=\". .. a/../b /abs\"\n",
                { "link one", "link two-a_b_c_", "link by/a_b_c", "link raw/a", "link b", "link re_p/a_b_c",
                        "T=x_y_z", "U=x/y z", "link ä\\x20_", "nolink .", "nolink a/../b", "nolink /abs" } },
        { "trap 9: tags", DISK, NULL,
                "TAG+=\"one\", TAG+=\"bad name\"\n"
                "TAG+=\"two\"\nTAG-=\"two\"\n"
                "TAG==\"one\", ENV{A}=\"1\"\nTAG==\"kept\", ENV{B}=\"1\"\nTAG!=\"two\", ENV{C}=\"1\"\n",
                { "tag one", "notag bad name", "notag two", "all two", "all kept", "notag kept", "A=1", "B",
                        "C=1" } },
        { "trap 9: TAG= clears both sets", DISK, NULL, "TAG+=\"one\"\nTAG=\"two\"\n",
                { "notag one", "tag two" } },
        { "trap 10: RUN is a list", DISK, NULL,
                "RUN+=\"one\"\nRUN+=\"two $env{LATE}\", ENV{LATE}=\"x\"\nRUN+=\"three\"\n",
                { "run one", "run two x", "run three", "runs 3" } },
        { "trap 10: RUN= clears", DISK, NULL, "RUN+=\"one\"\nRUN=\"two\"\n", { "run two", "runs 1" } },
        { "trap 10: RUN:= is final", DISK, NULL, "RUN+=\"one\"\nRUN:=\"two\"\nRUN+=\"three\"\n",
                { "run two", "runs 1" } },
        { "trap 11: IMPORT{db} from the entry before", DISK, NULL,
                "IMPORT{db}=\"ID_FS_TYPE\", ENV{A}=\"1\"\nIMPORT{db}=\"nothing\", ENV{B}=\"1\"\n"
                "IMPORT{db}!=\"nothing\", ENV{C}=\"1\"\n",
                { "ID_FS_TYPE=ext4", "A=1", "B", "C=1", "ID_FROM_PARENT" } },
        { "trap 11: IMPORT{parent} by glob from the parent's entry", PART, NULL,
                "IMPORT{parent}=\"ID_[!F]*\", ENV{A}=\"1\"\nIMPORT{parent}=\"ID_FROM*\"\n",
                { "A", "ID_FROM_PARENT=yes", "ID_FS_TYPE", "DEVTYPE=partition" } },
        { "trap 12: /*/ and [subsystem/kernel]", DISK, NULL,
                "TEST==\"*/rotational\", ENV{A}=\"1\"\n"
                "TEST==\"./*/rotational\", ENV{B}=\"1\"\n"
                "TEST==\"[dmi/id]/modalias\", ENV{C}=\"1\"\n"
                "ATTR{[dmi/id]modalias}==\"dmi:bvn*\", ENV{D}=\"$attr{[dmi/id]modalias}\"\n"
                "ATTR{./*/rotational}=\"0\"\n"
                "ATTR{queue/rotational}==\"0\", ENV{E}=\"1\"\n"
                "TEST{0111}==\"size\", ENV{F}=\"1\"\n"
                "TEST{0444}==\"size\", ENV{G}=\"1\"\n",
                { "A=1", "B=1", "C=1", "D=dmi:bvnTest", "E=1", "F", "G=1" } },
        { "trap 13: a group without a mode", DISK, NULL, "GROUP=\"6\"\n", { "gid 6", "mode 0660" } },
        { "trap 13: root's group changes nothing", DISK, NULL, "GROUP=\"root\"\n", { "gid 0", "nomode" } },
        { "trap 13: a mode that is given", DISK, NULL, "GROUP=\"6\", MODE=\"0640\"\n", { "mode 0640" } },
        { "trap 14: dotted properties live", DISK, NULL, "ENV{.X}=\"1\"\nENV{.X}==\"1\", ENV{A}=\"1\"\n",
                { ".X=1", "A=1" } },
        { "trap 15: options", DISK, NULL,
                "OPTIONS+=\"watch\", "
                "OPTIONS+=\"link_priority=-7\"\nOPTIONS+=\"db_persist\"\nOPTIONS+=\"event_timeout=3\"\n",
                { "watch", "priority -7", "persist" } },
};

/* --- the rest --------------------------------------------------------------------------------------- */

static const struct test others[] = {
        { "continuation lines with comments between", DISK, NULL,
                "KERNEL==\"vda\", \\\n  # remark\n\n   ENV{A}=\"1\", \\\n   ENV{B}=\"2\"\n# end "
                "\\\nENV{C}=\"3\"\n",
                { "A=1", "B=2", "C=3" } },
        { "quotes and escapes", DISK, NULL, "ENV{A}=\"x\\\"y\\n\", ENV{B}=e\"t\\ta\\x41\\u00e9\"\n",
                { "A=x\"y\\n", "B=t\taAé" } },
        { "commas are optional", DISK, NULL, "ENV{A}=\"1\" ENV{B}=\"2\"ENV{C}=\"3\",,ENV{D} = \"4\"\n",
                { "A=1", "B=2", "C=3", "D=4" } },
        { "a bad line does not spoil the others", DISK, NULL,
                "FOO=\"x\"\nENV{A}=\"1\nKERNEL=\"x\"\nENV{DEVPATH}=\"x\"\nENV{B}=\"1\"\n", { "A", "B=1" } },
        { "substitutions", PART, NULL,
                "ENV{A}=\"$kernel %k $number %n $major:$minor %M:%m $devnode %N $$ %% $root %r $sys %S\"\n"
                "ENV{B}=\"$parent %P $name %D $kernelx $unknown %Z\"\n"
                "ENV{C}=\"$tempnode\", ENV{D}=\"$sysfs{partition}<\", ENV{E}=\"$devpath\"\n",
                { "A=vda1 vda1 1 1 254:1 254:1 /dev/vda1 /dev/vda1 $ % /dev /dev /sys /sys",
                        "B=vda vda vda1 vda1 vda1x $unknown %Z", "C=/dev/vda1", "D=<", "E=" PART } },
        { "attributes of the matched ancestor", PART, NULL,
                "ATTRS{label}==\"Slot one\", ENV{A}=\"$attr{label}|\"\n", { "A=Slot one|" } },
        { "a name with a slash in it", TTY, NULL, "KERNEL==\"3270/tty[0-9]*\", ENV{A}=\"%k %n\"\n",
                { "A=3270/tty1 1" } },
        { "ENV += and deletion", DISK, NULL,
                "ENV{A}+=\"1\"\nENV{A}+=\"2\"\nENV{B}=\"x\"\nENV{B}=\"\"\nENV{C}=\"x\"\nENV{C}+=\"\"\n",
                { "A=1 2", "B", "C=x" } },
        { "links are matched", DISK, NULL,
                "SYMLINK==\"a/*\", ENV{A}=\"1\"\nSYMLINK+=\"a/b\"\nSYMLINK==\"a/*\", ENV{B}=\"1\"\n",
                { "A", "B=1" } },
        { "SYMLINK:= is final", DISK, NULL, "SYMLINK+=\"a\"\nSYMLINK:=\"b\"\nSYMLINK+=\"c\"\n",
                { "nolink a", "link b", "nolink c" } },
        { "MODE:= is final", DISK, NULL, "MODE:=\"0600\"\nMODE=\"0666\"\n", { "mode 0600" } },
        { "interfaces are renamed, with what may stand in a name", NET, NULL,
                "NAME==\"\", NAME=\"a:b/c%%\"\nNAME==\"a_b_c_\", ENV{A}=\"$name\"\n",
                { "name a_b_c_", "A=a_b_c_" } },
        { "a name that is a number is refused", NET, NULL, "NAME=\"123\"\n", { "noname" } },
        { "IMPORT{file}", DISK, NULL, "IMPORT{file}=\"$env{F}\", ENV{A}=\"1\"\n", { "A" } },
        { "IMPORT{program} lines", DISK, NULL,
                "IMPORT{program}=\"say A=1\", ENV{OK}=\"1\"\nIMPORT{program}=\"fail\", ENV{NO}=\"1\"\n",
                { "A=1", "OK=1", "NO" } },
        { "subsystem, class and bus are one word", DISK, NULL, "SUBSYSTEM==\"bus\", ENV{A}=\"1\"\n",
                { "A" } },
        { "SYSCTL", DISK, NULL,
                "SYSCTL{kernel/ostype}==\"Linux\", ENV{A}=\"1\"\nSYSCTL{kernel.ostype}==\"Linux\", "
                "ENV{B}=\"1\"\n",
                { "A=1", "B=1" } },
        { "TAGS of an ancestor", PART, NULL, "TAGS==\"kept\", ENV{A}=\"%b\"\n", { "A=vda" } },
        { "DRIVERS", PART, NULL, "DRIVERS==\"virtio_blk\", ENV{A}=\"%b\"\nDRIVER==\"\", ENV{B}=\"1\"\n",
                { "A=virtio1", "B=1" } },
        { "a jump over one that is always taken", DISK, NULL,
                "KERNEL!=\"dm-*\", GOTO=\"next\"\nENV{A}=\"1\"\nGOTO=\"end\"\nLABEL=\"next\"\nENV{B}=\"1\"\n"
                "KERNEL!=\"md*\", GOTO=\"next\"\nENV{C}=\"1\"\nGOTO=\"end\"\nLABEL=\"next\"\n"
                "ACTION!=\"add\", GOTO=\"end\"\nENV{D}=\"1\"\nLABEL=\"end\"\nENV{E}=\"1\"\n",
                { "A", "B=1", "C", "D=1", "E=1" } },
        { "jumps that are taken and lead into each other", DISK, NULL,
                "ENV{X}=\"1\"\nENV{X}==\"1\", GOTO=\"two\"\nGOTO=\"four\"\nLABEL=\"one\"\nENV{A}=\"1\"\n"
                "LABEL=\"two\"\nENV{B}=\"1\"\nENV{X}!=\"1\", GOTO=\"three\"\nGOTO=\"five\"\n"
                "LABEL=\"three\"\nENV{C}=\"1\"\nLABEL=\"four\"\nENV{D}=\"1\"\nLABEL=\"five\"\nENV{E}="
                "\"1\"\n",
                { "A", "B=1", "C", "D", "E=1" } },
        { "a GOTO that is always taken", DISK, "remove",
                "ACTION==\"remove\", GOTO=\"e\"\nRUN+=\"x\"\nLABEL=\"e\"\n", { "norun" } },
        { "a condition on what a rule set before", DISK, NULL,
                "ENV{A}=\"1\"\nENV{A}!=\"1\", GOTO=\"e\"\nENV{B}=\"1\"\nLABEL=\"e\"\n", { "B=1" } },
};

static void test_problems(void)
{
        static const struct {
                const char *text;
                unsigned problems;
        } t[] = {
                { "KERNEL==\"x\", ENV{A}=\"1\"\n", 0 },
                { "FOO==\"x\"\n", 1 },
                { "KERNEL=\"x\"\n", 1 },
                { "KERNEL==\"x\n", 1 },
                { "KERNEL==x\n", 1 },
                { "ENV==\"x\"\n", 1 },
                { "ENV{A}:=\"x\"\n", 1 },
                { "TEST{9}==\"x\"\n", 1 },
                { "IMPORT{x}=\"y\"\n", 1 },
                { "IMPORT{builtin}=\"none\"\n", 1 },
                { "RUN{x}=\"y\"\n", 1 },
                { "NAME=\"\"\n", 1 },
                { "NAME=\"%k\"\n", 1 },
                { "GOTO=\"x\"\n", 2 - 1 },
                { "MODE=\"9\"\n", 1 },
                { "GROUP=\"no such group\"\n", 1 },
                { "SYMLINK+=\"%\"\n", 1 },
                { "OPTIONS=\"what\", ENV{A}=\"1\"\n", 1 },
                { "SYMLINK-=\"x\"\n", 1 },
                { "ENV{A}=e\"\\q\"\n", 1 },
                { "WAIT_FOR=\"x\"\n", 1 },
                { "KERNEL==\"x\"\n", 1 },
                { "ENV{A}=\"1\" \\", 0 },
                { "{}==\"\"\n", 1 },
        };
        char what[128];

        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                struct rules *r = compile(t[i].text);

                snprintf(what, sizeof(what), "problems in %.*s", (int)strcspn(t[i].text, "\n"), t[i].text);
                is_int(r->problems, t[i].problems, what);
                rules_free(r);
        }
}

static void test_long_lines(void)
{
        char *text = malloc(40000);
        struct rules *r;

        memset(text, 'x', 20000);
        memcpy(text, "ENV{A}=\"", 8);
        strcpy(text + 20000, "\"\nENV{B}=\"1\"\n");
        r = compile(text);
        is_int(r->problems, 1, "a line that is too long is said");
        is_int((int64_t)r->n_lines, 1, "and the next one counts");
        rules_free(r);
        free(text);
}

static void test_defer(void)
{
        _cleanup_device_ struct device *d = NULL;
        struct rules *r = compile("ENV{A}=\"1\"\nPROGRAM==\"defer\", ENV{B}=\"1\"\n");
        struct rules_event e = { 0 };

        (void)device_from_syspath(DISK, "add", &d);
        is_int(rules_apply(r, d, &e, &ops), RULES_DEFER, "what cannot be done here is handed back");
        rules_event_done(&e);
        rules_free(r);
}

#define GOES_ON                                                                                             \
        "PROGRAM==\"say x\", ENV{A}+=\"1\", MODE:=\"0600\", RUN+=\"first\"\n"                               \
        "ENV{SKIP}!=\"1\", GOTO=\"over\"\n"                                                                 \
        "ENV{C}=\"1\"\n"                                                                                    \
        "LABEL=\"over\"\n"                                                                                  \
        "SUBSYSTEMS==\"pci\", ATTRS{vendor}==\"0x1af4\", PROGRAM==\"say y\", PROGRAM==\"defer $id\", "      \
        "RESULT==\"here\", "                                                                                \
        "ENV{B}+=\"%b\", MODE=\"0666\"\n"                                                                   \
        "RUN+=\"last\"\n"

/* Put off in the middle of a line: what was decided before counts, and is not done again. */
static void test_goes_on(void)
{
        _cleanup_device_ struct device *d = NULL;
        struct rules *r = compile(GOES_ON);
        struct rules_event e = { 0 };

        said = 0;
        deferred_answer = NULL;
        (void)device_from_syspath(DISK, "add", &d);
        is_int(rules_apply(r, d, &e, &ops), RULES_DEFER, "a program that takes its time");
        ok(rules_stopped(r, &e), "the rules know where they were put off");
        is_int(rules_apply(r, d, &e, &ops), RULES_DEFER, "it is not there yet");
        rules_trim(r);
        deferred_answer = "here";
        is_int(rules_apply(r, d, &e, &ops), 0, "it is there");
        is_int(said, 2, "the lines and tokens before are not met again");
        is_str(device_prop(d, "A"), "1", "nor what they assign");
        is_str(device_prop(d, "B"), "0000:00:02.0", "the ancestor that the line had found counts");
        is_str(device_prop(d, "C"), NULL, "and the jump over a line");
        is_int(d->mode, 0600, "what was final is");
        is_int((int64_t)e.n_run, 2, "both programs to be run are there");
        ok(!rules_stopped(r, &e), "nothing is put off any more");
        rules_event_done(&e);
        rules_free(r);
}

/* Rules that were read anew meanwhile are applied from the start. */
static void test_not_other_rules(void)
{
        _cleanup_device_ struct device *d = NULL;
        struct rules *old = compile("PROGRAM==\"defer\", ENV{B}=\"1\"\n"), *new;
        struct rules_event e = { 0 };

        deferred_answer = NULL;
        (void)device_from_syspath(DISK, "add", &d);
        is_int(rules_apply(old, d, &e, &ops), RULES_DEFER, "put off by the old rules");
        rules_free(old);
        new = compile("ENV{A}=\"1\"\nENV{B}=\"2\"\n");
        ok(!rules_stopped(new, &e), "the new ones do not go on there");
        is_int(rules_apply(new, d, &e, &ops), 0, "they are applied");
        is_str(device_prop(d, "A"), "1", "from the first line on");
        rules_event_done(&e);
        rules_free(new);
}

static void test_once_builtins(void)
{
        _cleanup_device_ struct device *d = NULL;
        struct rules *r =
                compile("IMPORT{builtin}=\"path_id\"\nIMPORT{builtin}=\"path_id\", ENV{B}=\"1\"\n");
        struct rules_event e = { 0 };

        builtin_calls = 0;
        (void)device_from_syspath(DISK, "add", &d);
        (void)rules_apply(r, d, &e, &ops);
        is_int(builtin_calls, 1, "path_id is run once an event");
        is_str(device_prop(d, "B"), "1", "and its result serves again");
        rules_event_done(&e);
        rules_free(r);
}

static void test_may_match(void)
{
        static const struct {
                const char *rules;
                bool yes;
        } t[] = {
                { "SUBSYSTEM==\"net\", ENV{A}=\"1\"\n", false },
                { "SUBSYSTEM==\"block\", ENV{A}=\"1\"\n", true },
                { "KERNEL==\"sd*\", ENV{A}=\"1\"\n", false },
                { "ACTION!=\"add\", ENV{A}=\"1\"\n", false },
                { "ENV{nothing}==\"?*\", ENV{A}=\"1\"\n", false },
                { "ATTR{x}==\"1\", ENV{A}=\"1\"\n", true },
                { "KERNEL==\"vda\", GOTO=\"e\"\nENV{A}=\"1\"\nLABEL=\"e\"\n", false },
                { "ATTR{x}==\"vda\", GOTO=\"e\"\nENV{A}=\"1\"\nLABEL=\"e\"\n", true },
                { "KERNEL==\"vda\", GOTO=\"a\"\nKERNEL==\"vdb\", "
                  "GOTO=\"b\"\nLABEL=\"a\"\nENV{A}=\"1\"\nLABEL=\"b\"\n",
                        true },
                { "ATTR{x}==\"1\", GOTO=\"a\"\nGOTO=\"b\"\nLABEL=\"a\"\nENV{A}=\"1\"\nLABEL=\"b\"\n", true },
                { "KERNEL==\"vdb\", GOTO=\"a\"\nGOTO=\"b\"\nLABEL=\"a\"\nENV{A}=\"1\"\nLABEL=\"b\"\n",
                        false },
                { "ENV{ID_SEAT}==\"\", IMPORT{parent}=\"ID_SEAT\"\n", false },
                { "TAG==\"x\", RUN+=\"y\"\n", false },
                { "IMPORT{program}=\"x\", IMPORT{parent}=\"ID_SEAT\", RUN+=\"y\"\n", true },
                { "KERNEL==\"sd*\", IMPORT{program}=\"x\", RUN+=\"y\"\n", false },
        };
        _cleanup_device_ struct device *d = NULL;
        char what[128];

        (void)device_from_syspath(DISK, "add", &d);
        for (size_t i = 0; i < ARRAY_SIZE(t); i++) {
                struct rules *r = compile(t[i].rules);

                snprintf(what, sizeof(what), "may match: %.*s", (int)strcspn(t[i].rules, "\n"), t[i].rules);
                is_int(rules_may_match(r, d), t[i].yes, what);
                rules_free(r);
        }
}

/* Random jumps: what the index leaves out must not be missed. The same lines are gone through one by one here. */
#define JUMP_LINES 14
static void random_jumps(unsigned seed)
{
        static const struct {
                const char *text;
                bool holds;
        } conditions[] = { { "", true }, { "ACTION==\"add\", ", true }, { "ACTION!=\"add\", ", false },
                { "KERNEL==\"vd*\", ", true }, { "KERNEL!=\"vd*\", ", false },
                { "ATTR{size}==\"100\", ", true }, { "ATTR{size}!=\"100\", ", false },
                { "ENV{nothing}==\"x\", ", false } };
        struct {
                unsigned condition, target; /* 0: no jump */
        } lines[JUMP_LINES];
        char text[4096], expected[JUMP_LINES + 1] = "", got[JUMP_LINES + 1] = "", key[8];
        _cleanup_device_ struct device *d = NULL;
        struct rules_event e = { 0 };
        struct rules *r;
        size_t at = 0;

        for (unsigned i = 0; i < JUMP_LINES; i++) {
                lines[i].condition = (unsigned)rand_r(&seed) % (unsigned)ARRAY_SIZE(conditions);
                lines[i].target = rand_r(&seed) % 3 && i + 1 < JUMP_LINES
                                          ? i + 1 + (unsigned)rand_r(&seed) % (JUMP_LINES - i - 1)
                                          : 0;
                at += (size_t)snprintf(text + at, sizeof(text) - at, "LABEL=\"l%u\"\n%s", i,
                        conditions[lines[i].condition].text);
                at += lines[i].target
                              ? (size_t)snprintf(
                                        text + at, sizeof(text) - at, "GOTO=\"l%u\"\n", lines[i].target)
                              : (size_t)snprintf(text + at, sizeof(text) - at, "ENV{L%u}=\"1\"\n", i);
        }
        for (unsigned i = 0, n = 0; i < JUMP_LINES;) {
                bool holds = conditions[lines[i].condition].holds;

                if (holds && !lines[i].target)
                        expected[n++] = (char)('a' + i);
                i = holds && lines[i].target ? lines[i].target : i + 1;
        }
        r = compile(text);
        (void)device_from_syspath(DISK, "add", &d);
        bool may = rules_may_match(r, d);
        (void)rules_apply(r, d, &e, &ops);
        for (unsigned i = 0, n = 0; i < JUMP_LINES; i++) {
                snprintf(key, sizeof(key), "L%u", i);
                if (device_prop(d, key))
                        got[n++] = (char)('a' + i);
        }
        if (!streq(got, expected) || (!may && *expected)) {
                printf("# may %d, got %s, expected %s\n%s", may, got, expected, text);
                ok(false, "random jumps");
        }
        rules_event_done(&e);
        rules_free(r);
}

static void test_jumps(void)
{
        for (unsigned seed = 1; seed <= 2000; seed++)
                random_jumps(seed);
        ok(true, "2000 random files with jumps");
}

static void test_static_nodes(void)
{
        struct rules *r = compile(
                "KERNEL==\"kvm\", MODE=\"0640\", TAG+=\"uaccess\", OPTIONS+=\"static_node=snd/kvm\"\n");
        _cleanup_free_ char *target = NULL;

        fake_dir("/dev/snd");
        fake_file("/dev/snd/kvm", "");
        (void)rules_apply_static_nodes(r);
        ok(readlink_alloc(fake_path("/run/static_node-tags/uaccess/snd\\x2fkvm"), &target) >= 0,
                "static nodes are tagged");
        is_str(target, "/dev/snd/kvm", "with a link to the node");
        rules_free(r);
}

/* The host's own rules, where there are any: every line is understood (users and groups may be missing). */
static void test_host(void)
{
        struct rules *r = NULL;
        unsigned problems = 0, bad = 0;

        if (rules_load(NULL, &r, &problems) < 0)
                return;
        bad = problems;
        printf("# host: %zu files, %zu lines, %u problems\n", rules_count_files(r), rules_count_lines(r),
                bad);
        ok(rules_count_lines(r) == 0 || bad < rules_count_lines(r) / 10 + 12,
                "the host's rules are understood");
        ok(!rules_stale(r), "and fresh");
        rules_free(r);
}

static void test_files(void)
{
        char *dirs[] = { strdup(fake_path("/r1")), strdup(fake_path("/r2")), NULL };
        struct rules *r = NULL;
        unsigned problems;

        fake_file("/r1/20-b.rules", "ENV{B}=\"1\"\n");
        fake_file("/r2/20-b.rules", "ENV{B}=\"2\"\nENV{B}=\"3\"\n");
        fake_file("/r2/10-a.rules", "ENV{A}=\"1\"\n");
        fake_file("/r2/30-c.rules", "ENV{C}=\"1\"\n");
        fake_link("/r1/30-c.rules", "/dev/null");
        fake_file("/r2/README", "ENV{D}=\"1\"\n");
        is_int(rules_load(dirs, &r, &problems), 0, "two directories are read");
        is_int((int64_t)r->n_sources, 2, "one file replaced, one masked");
        is_int((int64_t)r->n_lines, 2, "lines of the right ones");
        ok(endswith(r->sources[0].path, "10-a.rules") && strstr(r->sources[1].path, "/r1/"),
                "in order of their names");
        ok(!rules_stale(r), "nothing changed");
        fake_file("/r2/40-d.rules", "ENV{D}=\"1\"\n");
        ok(rules_stale(r), "a new file is seen");
        rules_free(r);
        free(dirs[0]);
        free(dirs[1]);
}

int main(void)
{
        log_open("test", LOG_TO_NULL);
        fake_start();
        make_tree();
        for (size_t i = 0; i < ARRAY_SIZE(traps); i++)
                run_test(&traps[i]);
        for (size_t i = 0; i < ARRAY_SIZE(others); i++)
                run_test(&others[i]);
        test_problems();
        test_long_lines();
        test_defer();
        test_goes_on();
        test_not_other_rules();
        test_once_builtins();
        test_may_match();
        test_jumps();
        test_static_nodes();
        test_files();
        test_host();
        fake_end();
        return tap_done();
}
