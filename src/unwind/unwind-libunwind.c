/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The `libunwind` unwinder: libunwind's remote unwinding over our own accessors. Memory comes from
 * the view, unwind tables from the mapped files, so it needs no stopped process; libunwind-ptrace's
 * accessors would read every word with PTRACE_PEEKDATA and keep one module's table at a time.
 *
 * Only tables of .eh_frame_hdr with the usual encoding are found, no .debug_frame. Where there is
 * none, libunwind 1.6 falls back to guessing along the frame pointer: we end the stack before that.
 */
#include <errno.h>
#include <libunwind.h>
#include <stdlib.h>
#include <string.h>

#include "base/attr.h"
#include "base/error.h"
#include "base/map64.h"
#include "target/image.h"
#include "unwind/eh-table.h"
#include "unwind/memview.h"
#include "unwind/unwind.h"
#include "unwind/walker.h"

/* Exported by libunwind-<arch>.so since 0.99, declared in none of its headers. */
extern int UNW_OBJ(dwarf_search_unwind_table)(unw_addr_space_t as, unw_word_t ip,
					      unw_dyn_info_t *di, unw_proc_info_t *pi,
					      int need_unwind_info, void *arg);

enum { CACHE_ENTRIES = 1 << 14 };

struct unwinder {
	struct images *images;
	unw_addr_space_t space;
	/* the walk in progress, for the accessors */
	struct memview view;
	const struct regs *regs;
	unsigned missing_reg;
	bool reg_missed, memory_missed;
	bool finding; /* inside dwarf_search_unwind_table */
};

/* ---- unwind tables ---- */

static int describe_table(const struct image_map *map, unw_dyn_info_t *ret)
{
	struct eh_table table;

	if (!eh_table_find(map, &table))
		return -UNW_ENOINFO;
	*ret = (unw_dyn_info_t){
		.start_ip = map->mapping.start,
		.end_ip = map->mapping.end,
		.format = UNW_INFO_FORMAT_REMOTE_TABLE,
		.u.rti.segbase = table.addr,
		.u.rti.table_data = table.addr + EH_TABLE_OFFSET,
		.u.rti.table_len = (unw_word_t)table.count * 8 / sizeof(unw_word_t),
	};
	return 0;
}

static int find_proc_info(unw_addr_space_t space, unw_word_t ip, unw_proc_info_t *info, int need,
			  void *arg)
{
	struct unwinder *unwinder = arg;
	struct image_map *map = images_find(unwinder->images, ip);
	unw_dyn_info_t table;
	int r;

	if (!map || !map->image || describe_table(map, &table) < 0)
		return -UNW_ENOINFO;
	unwinder->finding = true;
	r = UNW_OBJ(dwarf_search_unwind_table)(space, ip, &table, info, need, arg);
	unwinder->finding = false;
	return r;
}

/* libunwind frees what dwarf_search_unwind_table allocated from its own pool. */
static void put_unwind_info(unw_addr_space_t space, unw_proc_info_t *info, void *arg)
{
	(void)space;
	(void)info;
	(void)arg;
}

static int no_dyn_info(unw_addr_space_t space, unw_word_t *addr, void *arg)
{
	(void)space;
	(void)addr;
	(void)arg;
	return -UNW_ENOINFO;
}

/* ---- memory and registers ---- */

static int access_mem(unw_addr_space_t space, unw_word_t addr, unw_word_t *value, int write,
		      void *arg)
{
	struct unwinder *unwinder = arg;

	(void)space;
	if (write)
		return -UNW_EINVAL;
	if (memview_word(&unwinder->view, addr, value))
		return 0;
	/*
	 * The table search also fetches the personality routine's address, through a pointer in
	 * writable data; unwinding has no use for it, but libunwind would give up without.
	 */
	if (unwinder->finding) {
		*value = 0;
		return 0;
	}
	unwinder->memory_missed = true;
	return -UNW_EINVAL;
}

/* libunwind numbers x86-64 and aarch64 registers as DWARF does; the pc of aarch64 is its own 32. */
static int access_reg(unw_addr_space_t space, unw_regnum_t reg, unw_word_t *value, int write,
		      void *arg)
{
	struct unwinder *unwinder = arg;

	(void)space;
	if (write || reg < 0 || reg >= REG_COUNT)
		return -UNW_EBADREG;
	if (regs_known(unwinder->regs, (unsigned)reg)) {
		*value = unwinder->regs->r[reg];
		return 0;
	}
	unwinder->missing_reg = (unsigned)reg;
	unwinder->reg_missed = true;
	return -UNW_EBADREG;
}

static int access_fpreg(unw_addr_space_t space, unw_regnum_t reg, unw_fpreg_t *value, int write,
			void *arg)
{
	(void)space;
	(void)reg;
	(void)value;
	(void)write;
	(void)arg;
	return -UNW_EBADREG;
}

static int no_resume(unw_addr_space_t space, unw_cursor_t *cursor, void *arg)
{
	(void)space;
	(void)cursor;
	(void)arg;
	return -UNW_EINVAL;
}

static int no_proc_name(unw_addr_space_t space, unw_word_t addr, char *buf, size_t len,
			unw_word_t *offset, void *arg)
{
	(void)space;
	(void)addr;
	(void)buf;
	(void)len;
	(void)offset;
	(void)arg;
	return -UNW_EUNSPEC;
}

/* ---- the unwinder ---- */

static int libunwind_open(struct images *images, struct unwinder **ret, struct ss_error *err)
{
	unw_accessors_t accessors = {
		.find_proc_info = find_proc_info,
		.put_unwind_info = put_unwind_info,
		.get_dyn_info_list_addr = no_dyn_info,
		.access_mem = access_mem,
		.access_reg = access_reg,
		.access_fpreg = access_fpreg,
		.resume = no_resume,
		.get_proc_name = no_proc_name,
	};
	struct unwinder *unwinder = calloc(1, sizeof(*unwinder));

	if (!unwinder)
		return ss_error_oom(err);
	unwinder->images = images;
	unwinder->space = unw_create_addr_space(&accessors, 0);
	if (!unwinder->space) {
		free(unwinder);
		return ss_error_oom(err);
	}
	unw_set_caching_policy(unwinder->space, UNW_CACHE_GLOBAL);
	/* 1.6.2: on a fresh address space the first call does nothing; the second takes effect */
	unw_set_cache_size(unwinder->space, CACHE_ENTRIES, 0);
	unw_set_cache_size(unwinder->space, CACHE_ENTRIES, 0);
	*ret = unwinder;
	return 0;
}

static void libunwind_forget(struct unwinder *unwinder)
{
	unw_flush_cache(unwinder->space, 0, 0);
}

static void libunwind_close(struct unwinder *unwinder)
{
	if (!unwinder)
		return;
	unw_destroy_addr_space(unwinder->space);
	free(unwinder);
}

/* Why unw_step could not go on. */
static int end_failed(struct unwinder *unwinder, struct walker *walker)
{
	struct walk *walk = walker->walk;

	if (unwinder->reg_missed) {
		walk->want_reg = unwinder->missing_reg;
		return walker_end(walker, SS_END_NEEDS_REGISTER);
	}
	if (unwinder->memory_missed) {
		walk->want_addr = unwinder->view.missed;
		return walker_end(walker, memview_missed_end(&unwinder->view));
	}
	return walker_end(walker, SS_END_NO_CFI);
}

/* From the frame that was added last to its caller. 1, 0, or -ENOMEM. */
static int step(struct unwinder *unwinder, unw_cursor_t *cursor, struct walker *walker,
		uint32_t *flags)
{
	struct walk *walk = walker->walk;
	const struct frame *frame = &walk->frames.data[walk->frames.n - 1];
	unw_proc_info_t info;
	unw_word_t pc;
	bool signal;
	int r;

	/* unw_get_proc_info cannot be asked: it makes something up where there is nothing */
	pc = frame->pc - !(frame->flags & FRAME_EXACT);
	if (find_proc_info(unwinder->space, pc, &info, 0, unwinder) < 0)
		return walker_end(walker, SS_END_NO_CFI);
	unwinder->reg_missed = unwinder->memory_missed = false;
	r = unw_step(cursor);
	if (r == -UNW_ENOMEM)
		return -ENOMEM;
	if (r < 0)
		return end_failed(unwinder, walker);
	/* 1.6.2, against its manual: true of the frame that the step came out of */
	signal = unw_is_signal_frame(cursor) > 0;
	if (signal)
		walk->frames.data[walk->frames.n - 1].flags |= FRAME_SIGNAL;
	*flags = signal ? FRAME_EXACT : 0;
	if (r == 0 || unw_get_reg(cursor, UNW_REG_IP, &pc) < 0 || pc == 0)
		return walker_end(walker, SS_END_COMPLETE);
	return 1;
}

static int libunwind_walk(struct unwinder *unwinder, const struct capture_thread *thread,
			  unsigned max_frames, struct walk *walk)
{
	struct walker walker;
	unw_cursor_t cursor;
	uint32_t flags = FRAME_EXACT;
	int r = 0;

	walker_begin(&walker, walk, max_frames);
	unwinder->view = (struct memview){ .thread = thread, .images = unwinder->images };
	unwinder->regs = &thread->regs;
	unwinder->reg_missed = unwinder->memory_missed = false;
	if (unw_init_remote(&cursor, unwinder->space, unwinder) < 0)
		return end_failed(unwinder, &walker);
	do {
		unw_word_t pc, sp;

		if (unw_get_reg(&cursor, UNW_REG_IP, &pc) < 0 ||
		    unw_get_reg(&cursor, UNW_REG_SP, &sp) < 0)
			return end_failed(unwinder, &walker);
		r = walker_add(&walker, pc, sp, flags);
		if (r > 0)
			r = step(unwinder, &cursor, &walker, &flags);
	} while (r > 0);
	return r;
}

const struct unwinder_ops unwinder_libunwind = {
	.name = "libunwind",
	.open = libunwind_open,
	.walk = libunwind_walk,
	.forget = libunwind_forget,
	.close = libunwind_close,
};
