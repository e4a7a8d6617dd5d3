/*
 * ivshmem chunks: a file with a list of them in JSON
 *
 * The file is read an element at a time, because QEMU's JSON parser makes a
 * QDict of 4 KiB of each.  The usual element, all that is needed to say
 *
 *   {"file": "/hp/a", "offset": 0, "size": 4096, "at": 8192, "readonly": true}
 *
 * is read without the parser, which takes a third of the time that a chunk
 * costs at start-up.  Whatever is unusual, wrong included, is left to it, so
 * that there is one judge of what JSON is, and of what a chunk is.
 *
 * Copyright (c) 2026 dpdk-ivshmem developers
 *
 * SPDX-License-Identifier: GPL-2.0-or-later
 */

#include "qemu/osdep.h"
#include "qemu/cutils.h"
#include "qemu/units.h"
#include "qapi/error.h"
#include "qapi/qapi-visit-ivshmem.h"
#include "qapi/qobject-input-visitor.h"
#include "qobject/qjson.h"
#include "qobject/qobject.h"
#include "ivshmem-chunk-layout.h"

/* As much as QMP takes in one command, and more than any list needs */
#define MAX_FILE_SIZE (64 * MiB)

static const char *skip_space(const char *p)
{
    while (*p == ' ' || *p == '\n' || *p == '\t' || *p == '\r') {
        p++;
    }
    return p;
}

/* Go past white space and @token after it, or nowhere if that is not there */
static bool skip(const char **text, const char *token)
{
    const char *p = skip_space(*text);

    while (*token && *p == *token) {
        p++;
        token++;
    }
    if (*token) {
        return false;
    }
    *text = p;
    return true;
}

/* A string of printable ASCII without escapes; the caller frees it */
static bool scan_string(const char **text, char **value)
{
    const char *start;
    size_t length = 0;

    if (!skip(text, "\"")) {
        return false;
    }
    start = *text;
    while (g_ascii_isprint(start[length]) && start[length] != '"' &&
           start[length] != '\\') {
        length++;
    }
    if (start[length] != '"') {
        return false;
    }
    *value = g_strndup(start, length);
    *text = start + length + 1;
    return true;
}

/* A number of up to 18 digits */
static bool scan_number(const char **text, uint64_t *value)
{
    const char *start = skip_space(*text), *p = start;

    for (*value = 0; g_ascii_isdigit(*p) && p - start < 18; p++) {
        *value = *value * 10 + (*p - '0');
    }
    *text = p;
    return p != start && !g_ascii_isdigit(*p) && (*start != '0' || p == start + 1);
}

static bool scan_bool(const char **text, bool *value)
{
    *value = skip(text, "true");
    return *value || skip(text, "false");
}

static bool scan_member(const char **text, IvshmemChunk *chunk)
{
    if (!chunk->file && skip(text, "\"file\":")) {
        return scan_string(text, &chunk->file);
    }
    if (!chunk->has_offset && skip(text, "\"offset\":")) {
        chunk->has_offset = true;
        return scan_number(text, &chunk->offset);
    }
    if (!chunk->has_size && skip(text, "\"size\":")) {
        chunk->has_size = true;
        return scan_number(text, &chunk->size);
    }
    if (!chunk->has_at && skip(text, "\"at\":")) {
        chunk->has_at = true;
        return scan_number(text, &chunk->at);
    }
    if (!chunk->has_readonly && skip(text, "\"readonly\":")) {
        chunk->has_readonly = true;
        return scan_bool(text, &chunk->readonly);
    }
    return false;
}

/*
 * The usual element, and the white space after it, which ends at a ',' or ']'.
 * Returns NULL if it is not that, and stays where it is.
 */
static IvshmemChunk *scan_chunk(const char **text)
{
    g_autoptr(IvshmemChunk) chunk = g_new0(IvshmemChunk, 1);
    const char *separator = "{", *p = *text;

    while (skip(&p, separator)) {
        if (!scan_member(&p, chunk)) {
            return NULL;
        }
        separator = ",";
    }
    if (!chunk->file || !skip(&p, "}")) {
        return NULL;
    }
    p = skip_space(p);
    if (*p != ',' && *p != ']') {
        return NULL;
    }
    *text = p;
    return g_steal_pointer(&chunk);
}

/*
 * The end of the element of a JSON array that starts at @text, which is a ','
 * or a ']', or NULL if there is none.
 */
static char *element_end(char *text)
{
    unsigned depth = 0;
    char quote = 0;

    for (char *p = text; *p; p++) {
        if (quote) {
            if (*p == '\\' && p[1]) {
                p++;
            } else if (*p == quote) {
                quote = 0;
            }
        } else if (*p == '"' || *p == '\'') {
            quote = *p;
        } else if (depth == 0 && (*p == ',' || *p == ']')) {
            return p;
        } else if (*p == '{' || *p == '[') {
            depth++;
        } else if (*p == '}' || *p == ']') {
            depth -= depth > 0;
        }
    }
    return NULL;
}

static IvshmemChunk *parse_chunk(const char *text, Error **errp)
{
    QObject *obj = qobject_from_json(text, errp);
    IvshmemChunk *chunk = NULL;

    if (obj) {
        Visitor *v = qobject_input_visitor_new(obj);

        visit_type_IvshmemChunk(v, NULL, &chunk, errp);
        visit_free(v);
        qobject_unref(obj);
    }
    return chunk;
}

/*
 * Any element, up to the ',' or ']' after it.  Returns NULL on failure.
 * Writes to @text.
 */
static IvshmemChunk *next_chunk(char **text, size_t number, Error **errp)
{
    ERRP_GUARD();
    char *end = element_end(*text), separator;
    IvshmemChunk *chunk;

    if (!end) {
        error_setg(errp, "the JSON array has no end");
        return NULL;
    }
    separator = *end;
    *end = '\0';
    if (separator == ']' && number == 0 && !*skip_space(*text)) {
        error_setg(errp, "no chunk in it");
        return NULL;
    }
    chunk = parse_chunk(*text, errp);
    if (!chunk) {
        ivshmem_chunk_error_prepend(errp, number, NULL);
    }
    *end = separator;
    *text = end;
    return chunk;
}

/* Writes to @text */
static bool parse_array(char *text, IvshmemChunkList **tail, Error **errp)
{
    size_t number = 0;

    text = g_strchug(text);
    if (*text != '[') {
        error_setg(errp, "is not a JSON array");
        return false;
    }
    do {
        IvshmemChunk *chunk;

        text++;     /* past '[' or ',' */
        chunk = scan_chunk((const char **)&text) ?:
                next_chunk(&text, number, errp);
        if (!chunk) {
            return false;
        }
        QAPI_LIST_APPEND(tail, chunk);
        number++;
    } while (*text == ',');
    if (*skip_space(text + 1)) {
        error_setg(errp, "something follows the JSON array");
        return false;
    }
    return true;
}

/*
 * The text of a file, which is to be freed, or NULL on failure.  Reading from a
 * FIFO might never begin, and from a device never end.
 */
static char *read_file(int fd, Error **errp)
{
    g_autofree char *text = NULL;
    struct stat st;
    ssize_t n;
    size_t length = 0;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        error_setg(errp, "is not a regular file");
        return NULL;
    }
    if (st.st_size > MAX_FILE_SIZE) {
        error_setg(errp, "is larger than %" PRIu64 " MiB",
                   (uint64_t)(MAX_FILE_SIZE / MiB));
        return NULL;
    }
    text = g_malloc0(st.st_size + 1);
    while ((n = RETRY_ON_EINTR(read(fd, text + length,
                                    st.st_size - length))) > 0) {
        length += n;
    }
    if (n < 0) {
        error_setg_errno(errp, errno, "cannot read it");
        return NULL;
    }
    if (strlen(text) != length) {
        error_setg(errp, "contains a NUL byte");
        return NULL;
    }
    return g_steal_pointer(&text);
}

IvshmemChunkList *ivshmem_chunk_list_load(const char *path, Error **errp)
{
    ERRP_GUARD();
    g_autoptr(IvshmemChunkList) list = NULL;
    g_autofree char *text = NULL;
    int fd = qemu_open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY,
                       errp);

    if (fd >= 0) {
        text = read_file(fd, errp);
        qemu_close(fd);
    }
    if (text && parse_array(text, &list, errp)) {
        return g_steal_pointer(&list);
    }
    error_prepend(errp, "layout '%s': ", path);
    return NULL;
}
