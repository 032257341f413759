/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "model/wait.h"

static const char *const kind_names[] = {
#define X(name, text, go) [WAIT_##name] = (text),
	WAIT_KINDS(X)
#undef X
};

static const char *const kind_go_names[] = {
#define X(name, text, go) [WAIT_##name] = (go),
	WAIT_KINDS(X)
#undef X
};

static const char *const lock_names[] = {
#define X(name, text) [LOCK_##name] = (text),
	LOCK_TYPES(X)
#undef X
};

static const char *const state_names[] = {
#define X(name, text, go) [STATE_##name] = (text),
	THREAD_STATES(X)
#undef X
};

static const char *const state_go_names[] = {
#define X(name, text, go) [STATE_##name] = (go),
	THREAD_STATES(X)
#undef X
};

const char *wait_kind_name(enum wait_kind kind)
{
	return kind_names[kind];
}

const char *wait_kind_go_name(enum wait_kind kind)
{
	return kind_go_names[kind];
}

const char *lock_type_name(enum lock_type type)
{
	return lock_names[type];
}

const char *thread_state_name(enum thread_state state)
{
	return state_names[state];
}

const char *thread_state_go_name(enum thread_state state)
{
	return state_go_names[state];
}
