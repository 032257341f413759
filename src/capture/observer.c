/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "capture/observer.h"

#include <errno.h>
#include <string.h>

const struct observer_ops *const observers[] = { &observer_bpf, &observer_proc, NULL };
const char *const observer_names[] = { "bpf", "proc", NULL };

static const struct observer_ops *find(const char *name)
{
	for (size_t i = 0; observers[i]; i++)
		if (strcmp(observers[i]->name, name) == 0)
			return observers[i];
	return NULL;
}

int observer_open(const char *name, const struct target *target, const struct observer *like,
		  struct observer **ret, struct ss_error *err)
{
	const struct observer_ops *ops = name ? find(name) : observers[0];

	if (!ops)
		return ss_error_set(err, SS_ERR_ARGUMENT, EINVAL, "no observer is called '%s'",
				    name);
	return ops->open(target, like && like->ops == ops ? like : NULL, ret, err);
}

void observer_close(struct observer *observer)
{
	if (observer)
		observer->ops->close(observer);
}
