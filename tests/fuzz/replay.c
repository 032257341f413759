/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * replay.c: a main for any fuzzer, without libFuzzer: runs each file named on the command line
 * once, so that the seed corpus is a test on every compiler. A directory stands for the files in it.
 * Exit status 1 if that took more memory than REPLAY_MB says, or more of the processor than
 * REPLAY_SECONDS.
 */
#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *read_file(const char *path, size_t *ret_size)
{
	FILE *file = fopen(path, "rb");
	uint8_t *data = NULL;
	struct stat st;

	if (file && fstat(fileno(file), &st) == 0) {
		data = malloc(st.st_size ? (size_t)st.st_size : 1);
		*ret_size = data ? fread(data, 1, (size_t)st.st_size, file) : 0;
	}
	if (file)
		fclose(file);
	return data;
}

static unsigned replay_file(const char *path)
{
	size_t size = 0;
	uint8_t *data = read_file(path, &size);

	if (!data) {
		fprintf(stderr, "cannot read %s\n", path);
		exit(1);
	}
	LLVMFuzzerTestOneInput(data, size);
	free(data);
	return 1;
}

static unsigned replay(const char *path)
{
	DIR *dir = opendir(path);
	const struct dirent *entry;
	unsigned n = 0;

	if (!dir)
		return replay_file(path);
	while ((entry = readdir(dir))) {
		char file[4096];

		if (entry->d_name[0] == '.')
			continue;
		snprintf(file, sizeof(file), "%s/%s", path, entry->d_name);
		n += replay_file(file);
	}
	closedir(dir);
	return n;
}

static bool is_more(long value, const char *variable)
{
	const char *most = getenv(variable);

	return most && value > atol(most);
}

static bool check_cost(void)
{
	struct rusage used;
	long seconds, mb;

	if (getrusage(RUSAGE_SELF, &used) < 0)
		return false;
	seconds = (long)(used.ru_utime.tv_sec + used.ru_stime.tv_sec);
	mb = used.ru_maxrss >> 10;
	printf("took %ld MB and %ld s\n", mb, seconds);
	return !is_more(mb, "REPLAY_MB") && !is_more(seconds, "REPLAY_SECONDS");
}

int main(int argc, char **argv)
{
	unsigned n = 0;

	for (int i = 1; i < argc; i++)
		n += replay(argv[i]);
	printf("replayed %u inputs\n", n);
	return n && check_cost() ? 0 : 1;
}
