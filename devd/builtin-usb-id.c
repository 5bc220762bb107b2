/* usb_id: vendor, model, serial number, interfaces of the USB device that a device belongs to. */
#include <fcntl.h>
#include <stdio.h>

#include "builtin.h"
#include "text.h"

struct usb {
        char vendor[64], vendor_enc[256], vendor_id[64];
        char model[64], model_enc[256], model_id[64];
        char serial[256], serial_short[256], revision[64], type[64], instance[64], interfaces[256];
        const char *interface_number, *driver;
};

/* A name for properties and links: blanks to '_', no odd characters. */
static void clean(char *out, size_t size, const char *in)
{
        snprintf(out, size, "%s", in);
        text_replace_blanks(out);
        text_replace_chars(out, NULL);
}

static const char *type_of_class(const char *class)
{
        switch (class ? strtoul(class, NULL, 16) : 0) {
        case 1: return "audio";
        case 3: return "hid";
        case 6: return "media";
        case 7: return "printer";
        case 8: return "storage";
        case 9: return "hub";
        case 0x0e: return "video";
        default: return "generic";
        }
}

static const char *type_of_storage(const char *subclass)
{
        switch (subclass ? strtoul(subclass, NULL, 10) : 0) {
        case 1: return "rbc";
        case 2: return "atapi";
        case 3: return "tape";
        case 4: return "floppy";
        case 6: return "scsi";
        default: return "generic";
        }
}

static const char *type_of_scsi(const char *type)
{
        switch (type ? strtoul(type, NULL, 0) : 99) {
        case 0:
        case 0x0e: return "disk";
        case 1: return "tape";
        case 4:
        case 7:
        case 0x0f: return "optical";
        case 5: return "cd";
        default: return "generic";
        }
}

/* The interface descriptors' class, subclass and protocol, each kind once: ":080650:030101:". */
static void read_interfaces(struct device *usb, char *out, size_t size)
{
        _cleanup_close_ int fd = -1;
        char path[PATH_MAX];
        uint8_t buf[4096];
        ssize_t n;
        size_t used = 0;

        if (real_sys_path(usb->syspath, "descriptors", path) < 0)
                return;
        fd = open(path, O_RDONLY | O_CLOEXEC);
        n = fd < 0 ? -1 : read(fd, buf, sizeof(buf));
        /* Each: length, type; an interface (4) has 9 bytes, class at 5. */
        for (ssize_t i = 0; i + 9 <= n && buf[i] >= 2; i += buf[i]) {
                char one[8];

                if (buf[i + 1] != 4 || buf[i] < 9)
                        continue;
                snprintf(one, sizeof(one), ":%02x%02x%02x", buf[i + 5], buf[i + 6], buf[i + 7]);
                if (used + 9 >= size || strstr(out, one))
                        continue;
                memcpy(out + used, one, 8);
                used += 7;
        }
        if (used)
                strcpy(out + used, ":");
}

/* Mass storage says more through SCSI than through USB: vendor, model, type, and which unit of the device it is. */
static bool take_scsi(struct device *d, struct usb *u, const char *subclass)
{
        struct device *scsi = device_in_subsystem(d, "scsi") && streq_null(device_devtype(d), "scsi_device")
                                      ? d
                                      : device_parent_with(d, "scsi", "scsi_device");
        const char *vendor, *model, *type, *rev;
        unsigned host, bus, target, lun;

        if (!scsi || sscanf(scsi->sysname, "%u:%u:%u:%u", &host, &bus, &target, &lun) != 4)
                return false;
        vendor = device_attr(scsi, "vendor");
        model = device_attr(scsi, "model");
        type = device_attr(scsi, "type");
        rev = device_attr(scsi, "rev");
        if (!vendor || !model || !type || !rev)
                return false;
        (void)text_encode(vendor, u->vendor_enc, sizeof(u->vendor_enc));
        (void)text_encode(model, u->model_enc, sizeof(u->model_enc));
        clean(u->vendor, sizeof(u->vendor), vendor);
        clean(u->model, sizeof(u->model), model);
        clean(u->revision, sizeof(u->revision), rev);
        snprintf(u->type, sizeof(u->type), "%s", type_of_scsi(type));
        snprintf(u->instance, sizeof(u->instance), "%u:%u", target, lun);
        return true;
}

static void take_usb(struct device *usb, struct usb *u)
{
        const char *s;

        if (!*u->vendor) {
                s = device_attr(usb, "manufacturer");
                s = s && *s ? s : u->vendor_id;
                (void)text_encode(s, u->vendor_enc, sizeof(u->vendor_enc));
                clean(u->vendor, sizeof(u->vendor), s);
        }
        if (!*u->model) {
                s = device_attr(usb, "product");
                s = s && *s ? s : u->model_id;
                (void)text_encode(s, u->model_enc, sizeof(u->model_enc));
                clean(u->model, sizeof(u->model), s);
        }
        if (!*u->revision && (s = device_attr(usb, "bcdDevice")))
                clean(u->revision, sizeof(u->revision), s);
        s = device_attr(usb, "serial");
        for (const char *p = s; p && *p; p++)
                if (*p < ' ' || *p >= 0x7f || *p == ',') /* rubbish instead of a serial number */
                        s = NULL;
        if (s)
                clean(u->serial_short, sizeof(u->serial_short), s);
}

static int publish(struct device *d, const struct usb *u)
{
        const struct {
                const char *plain, *usb, *value;
        } props[] = {
                { "ID_MODEL", "ID_USB_MODEL", u->model },
                { "ID_MODEL_ENC", "ID_USB_MODEL_ENC", u->model_enc },
                { "ID_MODEL_ID", "ID_USB_MODEL_ID", u->model_id },
                { "ID_SERIAL", "ID_USB_SERIAL", u->serial },
                { "ID_SERIAL_SHORT", "ID_USB_SERIAL_SHORT", u->serial_short },
                { "ID_VENDOR", "ID_USB_VENDOR", u->vendor },
                { "ID_VENDOR_ENC", "ID_USB_VENDOR_ENC", u->vendor_enc },
                { "ID_VENDOR_ID", "ID_USB_VENDOR_ID", u->vendor_id },
                { "ID_REVISION", "ID_USB_REVISION", u->revision },
                { "ID_TYPE", "ID_USB_TYPE", u->type },
                { "ID_INSTANCE", "ID_USB_INSTANCE", u->instance },
                { NULL, "ID_USB_INTERFACES", u->interfaces },
                { NULL, "ID_USB_INTERFACE_NUM", u->interface_number },
                { NULL, "ID_USB_DRIVER", u->driver },
        };
        /* What another bus has said of a disk in a USB enclosure stays. */
        bool plain = !device_prop(d, "ID_BUS");
        int r = plain ? builtin_add(d, "ID_BUS", "usb") : 0;

        for (size_t i = 0; i < ARRAY_SIZE(props) && r >= 0; i++) {
                if (plain && props[i].plain)
                        r = builtin_add(d, props[i].plain, props[i].value);
                if (r >= 0)
                        r = builtin_add(d, props[i].usb, props[i].value);
        }
        return r;
}

int builtin_usb_id(struct device *d, struct rules_event *e, int argc, char **argv)
{
        struct usb u = { 0 };
        struct device *interface = NULL, *usb = NULL;
        const char *class = NULL, *subclass = NULL, *s;
        size_t n;

        if (device_in_subsystem(d, "usb") && streq_null(device_devtype(d), "usb_device"))
                usb = d;
        else if (device_in_subsystem(d, "usb") && streq_null(device_devtype(d), "usb_interface"))
                interface = d;
        else
                interface = device_parent_with(d, "usb", "usb_interface");
        if (interface)
                usb = device_parent_with(interface, "usb", "usb_device");
        if (!usb)
                return -ENODEV;
        if (interface) {
                u.interface_number = device_attr(interface, "bInterfaceNumber");
                u.driver = device_driver(interface);
                class = device_attr(interface, "bInterfaceClass");
                subclass = device_attr(interface, "bInterfaceSubClass");
                snprintf(u.type, sizeof(u.type), "%s", type_of_class(class));
                if (streq(u.type, "storage")) {
                        snprintf(u.type, sizeof(u.type), "%s", type_of_storage(subclass));
                        if (streq(u.type, "scsi") || streq(u.type, "atapi") || streq(u.type, "rbc"))
                                (void)take_scsi(d, &u, subclass);
                }
        }
        read_interfaces(usb, u.interfaces, sizeof(u.interfaces));
        s = device_attr(usb, "idVendor");
        snprintf(u.vendor_id, sizeof(u.vendor_id), "%.60s", s ? s : "");
        s = device_attr(usb, "idProduct");
        snprintf(u.model_id, sizeof(u.model_id), "%.60s", s ? s : "");
        if (!*u.vendor_id || !*u.model_id)
                return -ENODATA;
        take_usb(usb, &u);
        n = (size_t)snprintf(u.serial, sizeof(u.serial), "%s_%s", u.vendor, u.model);
        if (*u.serial_short && n < sizeof(u.serial))
                n += (size_t)snprintf(u.serial + n, sizeof(u.serial) - n, "_%s", u.serial_short);
        if (*u.instance && n < sizeof(u.serial))
                snprintf(u.serial + n, sizeof(u.serial) - n, "-%s", u.instance);
        return publish(d, &u);
}
