/*
 * Memory chunks: from text
 *
 * A layout file lists chunks for memory-backend-chunks and device ivshmem:
 *
 *   # a line per chunk; "file" comes last and extends to the end of the line
 *   offset=0 size=0x200000 at=0 file=/dev/hugepages/rtemap_0
 *
 * Copyright (c) 2026 the dpdk-ivshmem authors
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "qapi/util.h"
#include "system/hostmem-chunks.h"

#define MAX_FILE_SIZE (64 * MiB)

#define MEMBER(name) { #name, offsetof(MemoryChunk, has_##name), \
                       offsetof(MemoryChunk, name) }

static const struct {
    const char *name;
    size_t has;
    size_t value;
} number_members[] = {
    MEMBER(offset), MEMBER(size), MEMBER(at),
    MEMBER(dev), MEMBER(inode),
};

static bool set_number(MemoryChunk *chunk, size_t i, const char *value,
                       Error **errp)
{
    bool *has = (bool *)((char *)chunk + number_members[i].has);

    if (*has) {
        error_setg(errp, "'%s' is given twice", number_members[i].name);
        return false;
    }
    *has = true;
    if (qemu_strtosz(value, NULL, (uint64_t *)((char *)chunk +
                                               number_members[i].value)) < 0) {
        error_setg(errp, "'%s' in '%s' is not a size", value,
                   number_members[i].name);
        return false;
    }
    return true;
}

bool chunk_set_member(MemoryChunk *chunk, const char *key, const char *value,
                      Error **errp)
{
    if (!*value) {
        error_setg(errp, "empty element in '%s'", key);
        return false;
    }
    for (size_t i = 0; i < ARRAY_SIZE(number_members); i++) {
        if (!strcmp(key, number_members[i].name)) {
            return set_number(chunk, i, value, errp);
        }
    }
    if (!strcmp(key, "readonly")) {
        chunk->has_readonly = true;
        return qapi_bool_parse(key, value, &chunk->readonly, errp);
    }
    if (!strcmp(key, "file")) {
        chunk->file = g_strdup(value);
        return true;
    }
    error_setg(errp, "unknown key '%s'", key);
    return false;
}

static bool parse_line(char *line, MemoryChunk *chunk, Error **errp)
{
    while (!chunk->file) {
        char *key = line + strspn(line, " \t"), *value = strchr(key, '=');

        if (!value) {
            error_setg(errp, "'file' is missing, which ends a line");
            return false;
        }
        *value++ = '\0';
        line = value + strcspn(value, strcmp(key, "file") ? " \t" : "");
        if (*line) {
            *line++ = '\0';
        }
        if (!chunk_set_member(chunk, key, value, errp)) {
            return false;
        }
    }
    return true;
}

static MemoryChunkList *parse_lines(char *text, Error **errp)
{
    ERRP_GUARD();
    g_autoptr(MemoryChunkList) list = NULL;
    MemoryChunkList **tail = &list;
    char *next;

    for (size_t number = 1; text; text = next, number++) {
        MemoryChunk *chunk;

        next = strchr(text, '\n');
        if (next) {
            *next++ = '\0';
        }
        if (strchr("#", text[strspn(text, " \t")])) {
            continue;           /* a comment, or nothing */
        }
        chunk = g_new0(MemoryChunk, 1);
        QAPI_LIST_APPEND(tail, chunk);
        if (!parse_line(text, chunk, errp)) {
            error_prepend(errp, "line %zu: ", number);
            return NULL;
        }
    }
    if (!list) {
        error_setg(errp, "no chunk in it");
    }
    return g_steal_pointer(&list);
}

/* The contents of a regular file as a string, NULL on failure */
static char *read_text(int fd, Error **errp)
{
    g_autofree char *text = NULL;
    struct stat st;
    ssize_t n;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        error_setg(errp, "is not a regular file");
        return NULL;
    }
    if (st.st_size > MAX_FILE_SIZE) {
        error_setg(errp, "is larger than 64 MiB");
        return NULL;
    }
    text = g_malloc(st.st_size + 1);
    n = read(fd, text, st.st_size);
    if (n < 0) {
        error_setg_errno(errp, errno, "cannot read it");
        return NULL;
    }
    text[n] = '\0';
    if (strlen(text) != n) {
        error_setg(errp, "contains a NUL byte");
        return NULL;
    }
    return g_steal_pointer(&text);
}

MemoryChunkList *chunk_list_load(const char *path, Error **errp)
{
    ERRP_GUARD();
    MemoryChunkList *list = NULL;
    g_autofree char *text = NULL;
    int fd = qemu_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK, errp);

    if (fd >= 0) {
        text = read_text(fd, errp);
        qemu_close(fd);
    }
    if (text) {
        list = parse_lines(text, errp);
    }
    if (!list) {
        error_prepend(errp, "layout '%s': ", path);
    }
    return list;
}
