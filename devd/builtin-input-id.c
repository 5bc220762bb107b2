/* input_id: what kind of input device it is, told from its capability bitmaps in sysfs. */
#include <fcntl.h>
#include <linux/input.h>
#include <stdio.h>
#include <sys/ioctl.h>

#include "builtin.h"

#ifndef INPUT_PROP_POINTING_STICK
#define INPUT_PROP_POINTING_STICK 5
#endif
#ifndef INPUT_PROP_ACCELEROMETER
#define INPUT_PROP_ACCELEROMETER 6
#endif

#define LONG_BITS (8 * sizeof(long))
#define WORDS(n)  ((n) / LONG_BITS + 1)

struct bits {
        unsigned long ev[WORDS(EV_MAX)], abs[WORDS(ABS_MAX)], key[WORDS(KEY_MAX)], rel[WORDS(REL_MAX)],
                prop[WORDS(INPUT_PROP_MAX)];
};

struct kinds {
        bool accelerometer, pointing_stick, mouse, touchpad, touchscreen, joystick, tablet, tablet_pad;
};

static bool bit(const unsigned long *map, unsigned n)
{
        return map[n / LONG_BITS] >> (n % LONG_BITS) & 1;
}

static bool any_bit(const unsigned long *map, unsigned from, unsigned to)
{
        for (; from < to; from++)
                if (bit(map, from))
                        return true;
        return false;
}

/* Words of hexadecimal digits, the highest first. */
static void read_bits(struct device *d, const char *attr, unsigned long *map, size_t words)
{
        const char *s = device_attr(d, attr);
        char copy[4096], *w;

        memset(map, 0, words * sizeof(*map));
        if (!s)
                return;
        snprintf(copy, sizeof(copy), "%s", s);
        for (size_t i = 0; i < words; i++) {
                w = strrchr(copy, ' ');
                map[i] = strtoul(w ? w + 1 : copy, NULL, 16);
                if (!w)
                        return;
                *w = 0;
        }
}

static unsigned joystick_signs(const struct bits *b)
{
        unsigned n = 0;

        for (unsigned i = BTN_JOYSTICK; i < BTN_DIGI; i++)
                n += bit(b->key, i);
        for (unsigned i = BTN_TRIGGER_HAPPY1; i <= BTN_TRIGGER_HAPPY40; i++)
                n += bit(b->key, i);
        for (unsigned i = BTN_DPAD_UP; i <= BTN_DPAD_RIGHT; i++)
                n += bit(b->key, i);
        for (unsigned i = ABS_RX; i < ABS_PRESSURE; i++)
                n += bit(b->abs, i);
        return n;
}

/* Keyboards that have a few joystick buttons are none. */
static bool looks_like_keyboard(const struct bits *b)
{
        static const uint16_t usual[] = { KEY_LEFTCTRL, KEY_CAPSLOCK, KEY_NUMLOCK, KEY_INSERT, KEY_MUTE,
                KEY_CALC, KEY_FILE, KEY_MAIL, KEY_PLAYPAUSE, KEY_BRIGHTNESSDOWN };
        unsigned n = 0;

        for (size_t i = 0; i < ARRAY_SIZE(usual); i++)
                n += bit(b->key, usual[i]);
        return n >= 4;
}

static void find_pointers(const struct bits *b, struct kinds *k)
{
        bool keys = bit(b->ev, EV_KEY), abs = bit(b->abs, ABS_X) && bit(b->abs, ABS_Y);
        bool rel = bit(b->ev, EV_REL) && bit(b->rel, REL_X) && bit(b->rel, REL_Y);
        bool mt = bit(b->abs, ABS_MT_POSITION_X) && bit(b->abs, ABS_MT_POSITION_Y);
        bool pen = bit(b->key, BTN_TOOL_PEN), stylus = bit(b->key, BTN_STYLUS),
             touch = bit(b->key, BTN_TOUCH);
        bool finger = bit(b->key, BTN_TOOL_FINGER) && !pen, direct = bit(b->prop, INPUT_PROP_DIRECT);
        bool button = any_bit(b->key, BTN_MOUSE, BTN_JOYSTICK), joystick;
        bool pad = bit(b->key, BTN_0) && bit(b->key, BTN_1) && !pen;
        bool wheel = bit(b->ev, EV_REL) && (bit(b->rel, REL_WHEEL) || bit(b->rel, REL_HWHEEL));

        k->accelerometer = bit(b->prop, INPUT_PROP_ACCELEROMETER) || (!keys && abs && bit(b->abs, ABS_Z));
        if (k->accelerometer)
                return;
        k->pointing_stick = bit(b->prop, INPUT_PROP_POINTING_STICK);
        /* A slot axis with its neighbour set is a device that claims every axis. */
        if (mt && bit(b->abs, ABS_MT_SLOT) && bit(b->abs, ABS_MT_SLOT - 1))
                mt = false;
        joystick = joystick_signs(b) > 0;
        if (abs || mt) {
                if (stylus || pen)
                        k->tablet = true;
                else if (finger && !direct)
                        k->touchpad = true;
                else if (abs && button) /* absolute mice of virtual machines */
                        k->mouse = true;
                else if (touch || direct)
                        k->touchscreen = true;
                else if (abs && joystick)
                        k->joystick = true;
        } else if (joystick) {
                k->joystick = true;
        }
        if (k->tablet && pad)
                k->tablet_pad = true;
        if (pad && wheel && !rel)
                k->tablet = k->tablet_pad = true;
        if (!k->tablet && !k->touchpad && !k->joystick && button && (rel || !abs))
                k->mouse = true;
        if (k->joystick && (looks_like_keyboard(b) || joystick_signs(b) < 2))
                k->joystick = false;
}

static bool is_key_device(const struct bits *b)
{
        static const uint16_t blocks[][2] = { { 1, BTN_MISC }, { KEY_OK, BTN_DPAD_UP },
                { KEY_ALS_TOGGLE, BTN_TRIGGER_HAPPY } };

        if (!bit(b->ev, EV_KEY))
                return false;
        for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
                if (any_bit(b->key, blocks[i][0], blocks[i][1]))
                        return true;
        return false;
}

static int axis_mm(int fd, unsigned axis)
{
        struct input_absinfo a;

        if (ioctl(fd, EVIOCGABS(axis), &a) < 0 || a.resolution <= 0)
                return 0;
        return (int)(((int64_t)a.maximum - a.minimum) / a.resolution);
}

static void add_size(struct device *d)
{
        _cleanup_close_ int fd = -1;
        char path[PATH_MAX], text[16];
        int width, height;

        if (!d->devnode || !startswith(d->sysname, "event") || real_dev_path(d->devnode, path) < 0)
                return;
        fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (fd < 0 || (width = axis_mm(fd, ABS_X)) <= 0 || (height = axis_mm(fd, ABS_Y)) <= 0)
                return;
        snprintf(text, sizeof(text), "%d", width);
        (void)builtin_add(d, "ID_INPUT_WIDTH_MM", text);
        snprintf(text, sizeof(text), "%d", height);
        (void)builtin_add(d, "ID_INPUT_HEIGHT_MM", text);
}

int builtin_input_id(struct device *d, struct rules_event *e, int argc, char **argv)
{
        struct device *in = d;
        struct kinds k = { 0 };
        struct bits b;
        bool pointer, key;

        while (in && !device_attr(in, "capabilities/ev"))
                in = device_parent_lazy(in);
        if (!in) /* all mice together: no device of its own */
                return 0;
        read_bits(in, "capabilities/ev", b.ev, ARRAY_SIZE(b.ev));
        read_bits(in, "capabilities/abs", b.abs, ARRAY_SIZE(b.abs));
        read_bits(in, "capabilities/key", b.key, ARRAY_SIZE(b.key));
        read_bits(in, "capabilities/rel", b.rel, ARRAY_SIZE(b.rel));
        read_bits(in, "properties", b.prop, ARRAY_SIZE(b.prop));
        find_pointers(&b, &k);
        key = is_key_device(&b);

        const struct {
                bool set;
                const char *name;
        } props[] = {
                { true, "ID_INPUT" },
                { k.accelerometer, "ID_INPUT_ACCELEROMETER" },
                { k.pointing_stick, "ID_INPUT_POINTINGSTICK" },
                { k.mouse, "ID_INPUT_MOUSE" },
                { k.touchpad, "ID_INPUT_TOUCHPAD" },
                { k.touchscreen, "ID_INPUT_TOUCHSCREEN" },
                { k.joystick, "ID_INPUT_JOYSTICK" },
                { k.tablet, "ID_INPUT_TABLET" },
                { k.tablet_pad, "ID_INPUT_TABLET_PAD" },
                { key, "ID_INPUT_KEY" },
                { key && (b.key[0] & 0xfffffffeul) == 0xfffffffeul, "ID_INPUT_KEYBOARD" },
                { bit(b.ev, EV_SW), "ID_INPUT_SWITCH" },
        };

        for (size_t i = 0; i < ARRAY_SIZE(props); i++)
                if (props[i].set && builtin_add(d, props[i].name, "1") < 0)
                        return -ENOMEM;
        pointer = k.accelerometer || k.pointing_stick || k.mouse || k.touchpad || k.touchscreen ||
                  k.joystick || k.tablet;
        if (!pointer && !key && bit(b.ev, EV_REL) && (bit(b.rel, REL_WHEEL) || bit(b.rel, REL_HWHEEL)))
                (void)builtin_add(d, "ID_INPUT_KEY", "1");
        if (bit(b.ev, EV_ABS))
                add_size(d);
        return 0;
}
